/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whoever stands behind: an embedded engine worker (unix:), a remote engine,
 * the edge of another region.  To the edge all are an upstream with a health
 * and, on each thread, a pool of connections.
 *
 * Upstreams live as long as the process and are found by name, so pools,
 * counters and health survive a reload; a generation holds pointers to them.
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include <stdatomic.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "http/h1.h"
#include "net/proxy_header.h"
#include "net/stream.h"

enum {
	UPSTREAMS_MAX = 256,		/* in one process */
	UPSTREAM_NAME_MAX = 320,
};

enum health {
	HEALTH_UNKNOWN,			/* not probed yet: not up */
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_MISCONFIGURED,		/* answers, but says another region */
	HEALTH_EJECTED,			/* its probes are good, requests fail */
};

const char *health_name(enum health health);

struct upstream_spec {
	struct endpoint	 endpoint;	/* a name is resolved when applied */
	char		 region[16];	/* the region it must report; "": none */
	bool		 link;		/* the edge of another region */
	bool		 proxy;		/* each connection begins with a PROXY header
					   (version 2) about the client, and is that
					   client's request's alone */
	bool		 named;		/* has proven its name by its certificate,
					   which need not name a region */
	struct tls_context *tls;	/* for it, during upstreams_apply(); NULL:
					   the one of the link */
	unsigned	 weight;	/* from 1; another weight is another upstream */
};

struct upstream {
	char		 name[UPSTREAM_NAME_MAX];	/* "GB http://10.0.0.1:8080";
						   of no region, the address */
	struct upstream_spec spec;
	uint64_t	 name_hash;	/* the same in every process */
	unsigned	 index;		/* below UPSTREAMS_MAX, its pools' number */
	/* Written by the probing thread and by workers (passive signs), read
	 * by all workers. */
	_Atomic uint8_t	 health;	/* enum health */
	_Atomic uint32_t failures;	/* in a row, passive */
	_Atomic uint64_t requests, errors;
	/* When it came back into service (monotonic); 0: is in it from the
	 * start.  The control thread writes. */
	_Atomic uint64_t back_ms;
	_Atomic uint64_t ejections;
	_Atomic uint64_t kept_until_ms;	/* it fails, but there is no other */
	/* What an engine's last probe told of stores that are its tenants':
	 * calls, those that failed, and whether the last one did. */
	_Atomic uint64_t store_calls, store_failures;
	_Atomic bool	 store_fails;
	struct upstream_private *private;
};

/* All upstreams of the process, and their probes.  One control loop. */
struct upstreams;

/* What links are asked: whether that edge could serve a request. */
#define UPSTREAM_LINK_PROBE	"/.portolan/health"

struct probe_spec {
	const char	*path;		/* of engines: "/healthz"; copied */
	uint64_t	 interval_ms, timeout_ms;	/* interval jittered by a tenth */
	unsigned	 rise, fall;
	/* So many requests that failed in a row, and it is given none for that
	 * long; but never more of a region than this share, nor the last one. */
	unsigned	 eject_failures;	/* 0: never */
	uint64_t	 eject_ms;
	double		 eject_most;
	/* An engine whose answer names no region is of the one it was given.
	 * Edges always name theirs. */
	bool		 accept_unnamed;
};

/* control: the loop that probes.  changed() is called on it whenever any
 * health changes. */
struct upstreams *upstreams_new(struct loop *control,
    void (*changed)(void *arg), void *arg);
void upstreams_free(struct upstreams **all);

/* What a generation wants. */
struct upstream_set {
	const struct upstream_spec *specs;
	size_t		 count;
	const struct probe_spec *probe;
	/* Held, and used for links and for https engines; NULL if there are
	 * none. */
	struct tls_context *link_tls;
};

/*
 * The set for a new generation, on the control thread: known ones are kept,
 * new ones added and probed at once, those left out are probed no longer.
 * found[i] answers specs[i] and is held until upstreams_release().  A failure
 * changes nothing.
 */
bool upstreams_apply(struct upstreams *all, const struct upstream_set *set,
    struct upstream **found, struct err *err);

/* What an engine's last probe told of its store: the values of X-Portolan-Store
 * and X-Portolan-Pair, a line each.  Control thread. */
struct slice upstream_told(const struct upstream *up);

/* Where it is reached at the moment; false while its name is unknown.  Any
 * thread. */
bool upstream_address(struct upstream *up, struct endpoint *at);

/* The generation that found them is gone: what no set holds any more makes
 * room for others.  Control thread. */
void upstreams_release(struct upstreams *all, struct upstream **found,
    size_t count);

/* One thread's pools of connections to all upstreams. */
struct pools;

struct pool_limits {
	unsigned	 idle;		/* kept per upstream */
	uint64_t	 idle_ms;
	uint64_t	 connect_ms, response_head_ms, response_idle_ms,
			 tunnel_idle_ms;
	/* To edges of other regions by HTTP/2, where they speak it; bytes of a
	 * body on their way, if it is taken as fast as it comes. */
	bool		 link_h2;
	uint32_t	 link_window;
};

enum {
	POOL_LINK_WINDOW = 256 * 1024,	/* what each begins with */
	POOL_LINK_HELD = 64 * 1024 * 1024,	/* of all that have to wait */
};

/* limits is read anew for each exchange, so a reload may change it. */
struct pools *pools_new(struct loop *loop, const struct pool_limits *limits);
void pools_free(struct pools **pools);

/* Its connections: with an exchange each, and kept. */
void pools_connections(const struct pools *pools, unsigned *busy,
    unsigned *idle);

/* Exchanges in flight on this thread: what balancing looks at. */
unsigned pools_outstanding(const struct pools *pools,
    const struct upstream *to);

/* Closes all idle connections of this thread: out of descriptors.  How many
 * there were. */
unsigned pools_drop_idle(struct pools *pools);

/* One request and its answer on a connection of a pool. */
struct exchange;

enum exchange_end {
	EXCHANGE_DONE,			/* answered to the last byte */
	/* no byte was accepted: may be tried elsewhere, whatever the method */
	EXCHANGE_REFUSED,		/* connect or TLS failed */
	EXCHANGE_CONNECT_TIMEOUT,
	EXCHANGE_NO_DESCRIPTORS,
	/* a reused connection turned out closed, nothing came back: may be
	 * tried again if the method is idempotent */
	EXCHANGE_STALE,
	/* too late to try again unless idempotent and nothing was passed on */
	EXCHANGE_BROKEN,		/* closed or reset before the answer's end */
	EXCHANGE_BAD_ANSWER,		/* not HTTP as we accept it: rule */
	EXCHANGE_HEAD_TIMEOUT,
	EXCHANGE_BODY_TIMEOUT,
};

const char *exchange_end_name(enum exchange_end end);

/* All calls come from the loop; none from inside exchange_start() or another
 * call of the owner's.  None comes after done() or exchange_cancel(). */
struct exchange_ops {
	void	(*inform)(struct exchange *, const struct h1_head *);	/* 1xx */
	/* The head; good during the call.  Status 101: a tunnel from here on. */
	void	(*head)(struct exchange *, const struct h1_head *);
	/* last: the end (maybe empty); trailers are in exchange_trailers().
	 * Not called for an answer without body (framing H1_NO_BODY, or length
	 * 0): there done() follows head(). */
	void	(*body)(struct exchange *, struct slice bytes, bool last);
	/* May be NULL.  At least most bytes of the body are still to come on
	 * from: moves some on by stream_splice(), whose answer it returns. */
	ssize_t	(*splice)(struct exchange *, struct stream *from, size_t most);
	void	(*drained)(struct exchange *);	/* feed on */
	void	(*done)(struct exchange *, enum exchange_end end);
};

struct exchange_request {
	struct slice	 head;		/* the whole head, its empty line included;
					   must live until head() or done() */
	struct slice	 body;		/* the front of the body, sent with the head;
					   must live as long */
	enum h1_framing	 framing;	/* of the request's body */
	bool		 body_whole;	/* body is all of it (or there is none) */
	bool		 body_passes;	/* body is good during exchange_start()
					   only */
	bool		 body_follows;	/* more of it is here, and comes in this
					   turn */
	enum h1_method	 method;
	/* For an upstream with spec.proxy; good during exchange_start().
	 * NULL: a connection of our own. */
	const struct proxy_told *told;
};

/* Never fails at once: failure is done().  user is the owner's. */
struct exchange *exchange_start(struct pools *pools, struct upstream *to,
    const struct exchange_request *request, const struct exchange_ops *ops,
    void *user);

/* More waits than STREAM_HIGH: nothing is to be sent until drained(). */
bool exchange_is_blocked(const struct exchange *ex);

void *exchange_user(const struct exchange *ex);

/* More of the body, unframed: chunks are made here.  False: more waits than
 * STREAM_HIGH, stop until drained().  In a tunnel: raw bytes. */
bool exchange_send(struct exchange *ex, struct slice bytes);
void exchange_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers);

/*
 * More of a body whose length the head tells, straight from another stream: as
 * stream_splice().  Afterwards exchange_is_blocked() tells whether to stop.
 */
ssize_t exchange_splice(struct exchange *ex, struct stream *from, size_t most);

/* No body() until resumed.  From head() on; before, it has no effect. */
void exchange_pause(struct exchange *ex);
void exchange_resume(struct exchange *ex);

/*
 * Inside head() only: takes what came of the body together with the head, so
 * that both can go out in one write; body() will not bring it again.  last:
 * that was all of it (no body() follows at all).  Only for framing by length;
 * empty for the others.  Good until head() returns.
 */
struct slice exchange_take_front(struct exchange *ex, bool *last);

/* Whole lines after the last body(); empty before. */
struct slice exchange_trailers(const struct exchange *ex);

/* Whether it is a stream of HTTP/2; from head() on. */
bool exchange_is_h2(const struct exchange *ex);

/* Whether any byte of the request was given to a connection's socket. */
bool exchange_sent(const struct exchange *ex);
/* In done(), after EXCHANGE_STALE: not a byte was taken, so that nothing can
 * have happened; it may be tried again, whatever the method. */
bool exchange_untaken(const struct exchange *ex);
uint64_t exchange_connect_us(const struct exchange *ex);	/* 0 when reused */

/* Silence from now on; the connection is closed unless the exchange was
 * complete.  Nulls *ex. */
void exchange_cancel(struct exchange **ex);

#endif
