/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One master makes room for another: the program is started anew, from the
 * file as it is now, and is handed every listening socket.  The sockets are
 * the same ones, not others of the same address, so whoever waits in a queue
 * of theirs is served by whichever of the two comes first.
 *
 * Packets from the old one (net/handover.h): a listener each, its role, name
 * and address with its sockets, then "END" with the edge's threads; "YOURS"
 * when the new one serves.  From the new one: "SERVING", or "FAILED" and why.
 * Whatever fails before "YOURS" leaves the old one in service.
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include <sys/types.h>

#include "base/err.h"
#include "master/master.h"

/* Where a new master finds the socket to the old one. */
#define UPGRADE_VARIABLE "PORTOLAN_UPGRADE"

enum { UPGRADE_MS = 60000 };		/* longer starts are given up */

/* --- the old one's side --------------------------------------------------- */

struct successor {
	pid_t		 pid;		/* 0: none */
	int		 fd;		/* -1: none */
	uint64_t	 deadline_ms;	/* monotonic; 0: none */
	struct err	 why;		/* what it said of its failure; or "" */
};

/* The file to start again: as this program was called, so that a link that
 * is moved leads to the new one.  The caller frees it. */
char *upgrade_program(void);

/* Starts program with this configuration. */
bool successor_start(struct successor *s, const char *program,
    const char *config_file, struct err *err);

/* The sockets of one role; all that it is to have, and how many threads. */
bool successor_give(const struct successor *s, enum role_kind kind,
    const struct sockets *sockets);
bool successor_give_end(const struct successor *s, unsigned threads);

enum successor_word { SUCCESSOR_NOTHING, SUCCESSOR_SERVES, SUCCESSOR_FAILED };

/* The next word; it fills s->why on failure.  To be asked when fd is
 * readable. */
enum successor_word successor_hear(struct successor *s);

/* All is its own now. */
bool successor_leave_all(const struct successor *s);

/* Kills it if it runs, and forgets it. */
void successor_forget(struct successor *s, bool kill_it);

/* --- the new one's side --------------------------------------------------- */

struct inheritance {
	int		 fd;		/* to the old one; -1: there is none */
	bool		 told;		/* that we serve */
	unsigned	 threads;	/* of its edge; 0: as the files say */
	struct sockets	 sockets[ROLES];	/* what was not taken yet */
};

/* What the old master gives, if there is one. */
bool inheritance_receive(struct inheritance *in, struct err *err);

void inheritance_tell(const struct inheritance *in, const char *word,
    const char *why);

/* True once when all is ours, or the old one is gone.  When fd is readable. */
bool inheritance_is_ours(struct inheritance *in);

/* Sockets that nobody wants any more. */
void inheritance_drop_rest(struct inheritance *in);

#endif
