/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Readiness of a descriptor that somebody else owns: a library with its own
 * sockets, which wants a place in the loop.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "net/loop.h"

struct watch {
	struct event	 event;
	struct loop	*loop;
	bool		 set;
	void		(*fn)(struct watch *, bool readable, bool writable);
	void		*arg;
	int		 fd;
};

/* In place of what it watched before.  The callback may stop it or set it
 * anew. */
void watch_set(struct loop *loop, struct watch *watch, int fd, bool readable,
    bool writable);
/* Silence from then on; before the descriptor is closed.  Stopping one that
 * is not set does nothing. */
void watch_stop(struct watch *watch);

#endif
