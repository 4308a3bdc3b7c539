/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The listening sockets that the master holds for the edge: it may bind what
 * the edge may not, and keeps them while an edge crashes and comes back.
 */
#ifndef EDGE_HANDED_H
#define EDGE_HANDED_H

#include <stddef.h>

#include "base/err.h"

/* Several of one name: one for each worker. */
struct handed_socket {
	char		 name[64];	/* of its listener */
	int		 fd;		/* -1: taken */
};

struct handed {
	struct handed_socket *list;
	size_t		 count;
};

/*
 * Asks the master for all sockets of all listeners that the files name, and
 * waits for them.  False with *err if it has none of some listener; without
 * a master there are just none.  Any thread, one at a time.
 */
bool handed_ask(struct handed *handed, int master_fd, bool former,
    struct err *err);

/* Closes what nobody took: connections would wait there for nobody. */
void handed_close(struct handed *handed);

#endif
