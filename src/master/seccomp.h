/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which system calls a kind of process may make.  Children have a list of
 * those that they need; anything else fails with EPERM and is told in the
 * log, with the call's number and the first lines of a search for its reason.
 * It does not kill: a path of some library that nobody foresaw costs one
 * request at most, and is heard of.  The master, which starts programs, has a
 * list of what nobody needs instead.
 *
 * What depends on arguments is little, since the kernel keeps those calls for
 * which a filter always says yes in a table of its own, and does not run it
 * for them: no new process (clone but for threads), no memory that can be
 * written and executed, and sockets of a few families alone.
 */
#ifndef MASTER_SECCOMP_H
#define MASTER_SECCOMP_H

#include "base/err.h"
#include "master/master.h"

/* For this thread and those that it starts, for good; after NoNewPrivileges.
 * *calls: how many may be made. */
bool seccomp_enter(enum role_kind kind, unsigned *calls, struct err *err);

/* The master's list.  A process that inherited one keeps that. */
bool seccomp_enter_master(struct err *err);

#endif
