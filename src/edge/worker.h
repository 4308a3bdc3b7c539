/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A worker: one thread with a loop, listeners, connections, pools, counters
 * and an access log of its own.  Nothing of it is shared on the way of a
 * request; limits that are the process's stand in shared.h.  Others may call
 * the functions marked "any thread"; the rest is for the worker's own.
 */
#ifndef EDGE_WORKER_H
#define EDGE_WORKER_H

#include <pthread.h>

#include "base/log.h"
#include "edge/counters.h"
#include "edge/enter.h"
#include "edge/ids.h"
#include "edge/plan.h"
#include "edge/shared.h"
#include "policy/facts.h"
#include "serve/serve.h"

enum { SPARE_BUFS = 512 };

struct edge;

/* A plan, as one worker holds it: the requests that began under it are
 * counted with a plain integer that no other thread touches. */
struct pin {
	struct plan	*plan;
	uint64_t	 requests;
};

struct worker_listener {
	struct listener	*listener;	/* NULL: not in use */
	struct listening *at;
	size_t		 index;		/* of the plan's configuration */
	struct worker	*worker;
};

struct worker {
	unsigned	 number;
	struct edge	*edge;
	struct shared	*shared;	/* with the other workers */
	pthread_t	 thread;
	struct loop	*loop;
	struct server	*server;
	struct pools	*pools;
	struct serve_limits serve_limits;
	struct serve_h2	 h2_clients, h2_links;
	struct pool_limits pool_limits;

	/* The newest plan that this worker has not taken yet: put there by
	 * the control thread, taken by the worker. */
	_Atomic(struct plan *) next;
	struct pin	*pin;		/* the plan in service */

	struct worker_listener listeners[LISTENERS_MAX];
	struct list	 passages;	/* passage.c */
	unsigned	 npassages;
	bool		 full;		/* listeners pause: too many connections */
	bool		 draining, ending;
	unsigned	 connections_most;	/* of the process ... */
	bool		 scarce;	/* ... for want of descriptors */
	struct timer	 tick;		/* each second: the log, the clock */
	struct timer	 look;		/* soon again: is there room, is it over? */

	struct entry	 entry;		/* who waits for a place */
	struct ids	 ids;
	struct balance_random balance;
	struct counters	 counters;
	struct log_rate	 complaints;	/* of what peers can provoke ... */
	struct log_rate	 unproxied;	/* ... before they are anybody */
	struct log_rate	 handshakes;	/* that failed */
	uint64_t	 unix_offset_us;	/* real time minus monotonic */
	struct facts_read read;		/* of the head that is being looked at */
	struct buf	 fields;	/* of the answer being written */
	struct buf	 body;		/* of an answer of our own */
	unsigned	 nspare;
	size_t		 spare_bytes;	/* room in all of them */
	struct buf	 spare[SPARE_BUFS];
};

/* The control thread makes and frees them; the thread runs in between. */
struct worker *worker_new(struct edge *edge, struct shared *shared,
    unsigned number);
bool worker_start(struct worker *w);
/* After the thread has ended. */
void worker_free(struct worker **w);

/* Any thread (in fact the control thread): these set things going.  One of
 * the plan's holders is the worker's from publish on. */
void worker_publish(struct worker *w, struct plan *plan);
void worker_reopen_log(struct worker *w);
void worker_press(struct worker *w);	/* the pressure has risen */
void worker_drain(struct worker *w);	/* clients are asked to go elsewhere */
void worker_end(struct worker *w);	/* no new ones; ends with the last */
void worker_stop(struct worker *w);	/* ends at once */

/* For serve: a connection without the PROXY header that it owed. */
void worker_unproxied(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason);

/* For serve: one whose ClientHello cannot be read. */
void worker_unheard(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason);

/* For serve: TLS that did not begin. */
void worker_handshake_failed(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason);

/* For serve: frames that are no request. */
void worker_malformed(struct server *server, void *listener,
    const struct endpoint *peer, const char *rule, const char *sentence);

/* A request begins and ends under the plan in service. */
struct pin *worker_pin(struct worker *w);
void worker_unpin(struct worker *w, struct pin *pin);

/* Buffers are lent for the time of a request. */
struct buf worker_lend(struct worker *w);
void worker_take_back(struct worker *w, struct buf *b);

/* --- what edge.c does for its workers; any thread ------------------------- */

/* The worker's last act. */
void edge_worker_ended(struct edge *edge, struct worker *w);

/* The worker has handed its access lines over, as the logs are opened anew. */
void edge_worker_flushed(struct edge *edge);

/* The last holder of a plan let go: the control thread frees it. */
void edge_retire(struct edge *edge, struct plan *plan);

#endif
