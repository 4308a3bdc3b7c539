/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a process gives up before it looks at the first foreign byte: every
 * capability, files beyond those that it needs (Landlock), system calls beyond
 * those that it needs (seccomp), and for an engine, which holds states, core
 * dumps.  Who it runs as is settled before (privileges.h).
 *
 * What the kernel does not have is told and left out.  Sanitizers trace
 * processes, and find programs of their own to start: a build with them has
 * no sandbox beyond capabilities.
 */
#ifndef MASTER_SANDBOX_H
#define MASTER_SANDBOX_H

#include "base/err.h"
#include "master/master.h"

enum { SANDBOX_TEXT = 160 };

/*
 * In a child, for its whole life.  text: what is in force, in words.  False,
 * with *err saying why, if something that should be in force cannot be.
 */
bool sandbox_enter(const struct role *role, char text[SANDBOX_TEXT],
    struct err *err);

/* The master's own, which is less: it has to start others. */
void sandbox_enter_master(const struct config *config);

#endif
