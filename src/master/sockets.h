/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sockets that the master opens for its children, so that a child can
 * crash and come back while connections wait in the kernel, and so that only
 * the master needs the right to bind low ports.
 *
 * A reload may change the listeners of edge and console.  Those that are new
 * are opened before the edge takes the new generation (sockets_follow);
 * whatever it does not name any more is closed once that is in service
 * (sockets_settle).
 */
#ifndef MASTER_SOCKETS_H
#define MASTER_SOCKETS_H

#include "base/endpoint.h"
#include "base/err.h"
#include "conf/config.h"

enum { SOCKETS_MAX = 1024, SOCKET_NAME_MAX = 64 };

struct socket_entry {
	char		 name[SOCKET_NAME_MAX];	/* the listener's */
	char		*at;		/* its address, as configured */
	int		 fd;
	bool		 handed;	/* by systemd: not ours to unlink */
	bool		 fresh;		/* not in service yet */
	bool		 lent;		/* another master's as well, which may go on
					   without us: not ours to unlink either */
};

/* Several entries of one name: one for each thread of the edge. */
struct sockets {
	struct socket_entry list[SOCKETS_MAX];
	size_t		 count;
};

/*
 * The edge's listeners, threads of each.  What another master has lent is
 * taken out of lent, and what systemd handed over (LISTEN_FDS,
 * LISTEN_FDNAMES = names of listeners), instead of being opened; a handed
 * socket that no listener has the name of is an error.
 */
bool sockets_open_edge(struct sockets *s, const struct config *config,
    unsigned threads, struct sockets *lent, struct err *err);

/* Opens what config names besides; all of it or nothing. */
bool sockets_follow(struct sockets *s, const struct config *config,
    unsigned threads, struct err *err);

/* config is in service: what it names stays, the rest is closed. */
void sockets_settle(struct sockets *s, const struct config *config);

/* It will not be: closes what sockets_follow opened. */
void sockets_forget_fresh(struct sockets *s);

/* This listener's descriptors, at most so many; how many. */
size_t sockets_of(const struct sockets *s, const struct config_listener *l,
    int *fds, size_t most);

/* "console" for its address (if any), "admin" for its UNIX socket, and
 * "reader" for that of those who only look (if any). */
bool sockets_open_console(struct sockets *s, const struct config *config,
    struct sockets *lent, struct err *err);

/* The same as for the edge: those that config names besides are opened, all
 * or nothing, and fresh; and what it does not name any more is closed. */
bool sockets_follow_console(struct sockets *s, const struct config *config,
    struct err *err);
void sockets_settle_console(struct sockets *s, const struct config *config);

/* "engine" at RUN_DIR/engine-REGION-NUMBER.sock. */
bool sockets_open_engine(struct sockets *s, const struct config *config,
    unsigned number, struct sockets *lent, struct err *err);

/* Sockets of another master's, one listener's; all become ours to close. */
bool sockets_lend(struct sockets *s, const char *name, const char *at,
    const int *fds, size_t count, bool handed);

/* From now on we share them with nobody; or others have them as well. */
void sockets_are_ours(struct sockets *s);
void sockets_are_lent(struct sockets *s);

/* UNIX sockets that are ours alone go from the file system as well. */
void sockets_close(struct sockets *s);

/* The n-th descriptor of this name, or -1. */
int sockets_find(const struct sockets *s, const char *name, unsigned n);

/* Closes every descriptor of this process but 0 to 2, these (NULL: none),
 * and one more. */
void sockets_keep_only(const struct sockets *s, int another);

#endif
