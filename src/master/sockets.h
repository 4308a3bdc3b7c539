/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sockets that the master opens for its children, so that a child can
 * crash and come back while connections wait in the kernel, and so that only
 * the master needs the right to bind low ports.
 */
#ifndef MASTER_SOCKETS_H
#define MASTER_SOCKETS_H

#include "base/endpoint.h"
#include "base/err.h"
#include "conf/config.h"

enum { SOCKETS_MAX = 1024, SOCKET_NAME_MAX = 64 };

struct socket_entry {
	char		 name[SOCKET_NAME_MAX];	/* the listener's */
	int		 fd;
};

/* Several entries of one name: one for each thread of the edge. */
struct sockets {
	struct socket_entry list[SOCKETS_MAX];
	size_t		 count;
};

/*
 * The edge's listeners, threads of each.  Those that systemd handed over
 * (LISTEN_FDS, LISTEN_FDNAMES = names of listeners) are taken instead of
 * being opened; one that no listener has the name of is an error.
 */
bool sockets_open_edge(struct sockets *s, const struct config *config,
    unsigned threads, struct err *err);

/* "console" for its address (if any) and "admin" for its UNIX socket. */
bool sockets_open_console(struct sockets *s, const struct config *config,
    struct err *err);

/* "engine" at RUN_DIR/engine-REGION-NUMBER.sock. */
bool sockets_open_engine(struct sockets *s, const struct config *config,
    unsigned number, struct err *err);

void sockets_close(struct sockets *s);

/* The n-th descriptor of this name, or -1. */
int sockets_find(const struct sockets *s, const char *name, unsigned n);

/* Closes every descriptor of this process but 0 to 2, these, and one more. */
void sockets_keep_only(const struct sockets *s, int another);

#endif
