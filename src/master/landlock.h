/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which files a process may open, whatever its user may (Landlock, Linux 5.13
 * and later).  Nothing can be executed.  What is open stays open.
 */
#ifndef MASTER_LANDLOCK_H
#define MASTER_LANDLOCK_H

#include "base/err.h"

struct landlock {
	int		 fd;		/* of the rules; -1: the kernel has none */
	int		 version;	/* of the kernel's; 0: none */
	unsigned long long handled;
};

/* version 0 where the kernel has none: then nothing is restricted. */
void landlock_begin(struct landlock *l);

/* A directory and all below, or a file; one that is not there is no mistake. */
void landlock_read(const struct landlock *l, const char *path);
void landlock_write(const struct landlock *l, const char *path);

/* From now on, for good.  After NoNewPrivileges. */
bool landlock_enter(struct landlock *l, struct err *err);

#endif
