/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The listening sockets of the process, by name, kind and address.  They live
 * as long as the process, beside the generations, so a reload that keeps a
 * listener keeps its socket and what waits in its queue.  Control thread,
 * but for reading a slot.
 */
#ifndef EDGE_LISTENING_H
#define EDGE_LISTENING_H

#include <stdatomic.h>

#include "base/list.h"
#include "conf/fixed.h"
#include "edge/bad_requests.h"
#include "edge/handed.h"

enum { WORKERS_MAX = CONFIG_THREADS_MAX, LISTENERS_MAX = 32 };

/* A place to listen at.  Immutable once made, but for gone and fds. */
struct listening {
	struct list	 node;
	char		 name[64];
	enum listener_kind kind;
	bool		 tls;
	char		 port[6];	/* as bound; "0": a UNIX socket */
	struct endpoint	 address;	/* as configured */
	struct bad_requests *bad;	/* the last that came in here */
	bool		 gone;		/* never found again; control thread */
	/* By number of the worker.  The worker takes its own (leaving -1) when
	 * it begins to listen; the control thread takes what is left when the
	 * listener is gone.  Whoever took it owns it. */
	atomic_int	 fds[WORKERS_MAX];
};

struct listenings {
	struct list	 all;
	unsigned	 workers;
	struct handed	 handed;	/* for the next listenings_open */
};

void listenings_init(struct listenings *all, unsigned workers);
void listenings_fini(struct listenings *all);

/*
 * A slot for each listener of config, in its order: kept, taken from what
 * was handed over, or bound now.  False if one cannot be bound, with those
 * of this call closed again.  What was handed over and is not needed is
 * closed.
 */
bool listenings_open(struct listenings *all, const struct config *config,
    struct listening **found, struct err *err);

/* Closes what found does not name; workers that listen there stop when they
 * read the generation that has it no more. */
void listenings_keep(struct listenings *all, struct listening *const *found,
    size_t count);

/* The worker's own socket, once; -1 if there is none. */
static inline int
listening_take(struct listening *l, unsigned worker)
{
	return atomic_exchange(&l->fds[worker], -1);
}

#endif
