/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the files of this folder share about an upstream: how it is reached
 * at the moment, and what is known of its health.
 *
 * Two kinds of threads meet here.  The control thread applies sets, resolves
 * and probes.  Workers connect, and report what they saw of it.
 */
#ifndef UPSTREAM_UPSTREAM_PRIVATE_H
#define UPSTREAM_UPSTREAM_PRIVATE_H

#include <pthread.h>

#include "upstream/probe.h"
#include "upstream/upstream.h"

struct upstream_private {
	struct upstreams *all;
	unsigned	 holders;	/* sets that hold it, control thread only */
	bool		 current;	/* in the newest set, control thread only */
	bool		 probed;	/* so its health is fresh; the same */
	/* Slots are used again; a pool that remembers another number holds
	 * connections to somebody else. */
	_Atomic uint64_t serial;
	/* Likewise, and another one each time that its name comes to lead
	 * elsewhere: connections that were made before are not used again. */
	_Atomic uint64_t way;
	_Atomic uint32_t eject_failures;	/* workers read it, a reload writes it */
	atomic_bool	 suspected;	/* the control thread has been told */
	unsigned	 ejected;	/* times in a row; control thread only */
	uint64_t	 ejected_until_ms;	/* the same */

	/* Where and how to connect, read by workers for each new connection
	 * (never for a pooled one), written when a name resolves or a reload
	 * brings certificates.  The one lock of the data path: held for a copy
	 * of 300 bytes, next to a connect() that costs fifty times as much. */
	pthread_mutex_t	 lock;
	bool		 reachable;
	struct endpoint	 at;		/* never an ENDPOINT_NAME if reachable */
	struct tls_context *tls;	/* NULL: plain */

	bool		 resolving;	/* from here on control thread only */
	bool		 unfound;	/* its name, at the last look-up */
	uint64_t	 resolved_ms;	/* 0: never */
	struct probe	 probe;
};

struct upstreams {
	struct loop	*control;
	void		(*changed)(void *arg);
	void		*arg;
	struct upstream	*slots[UPSTREAMS_MAX];	/* NULL: never used */
	uint64_t	 serials;
	struct resolver	*resolver;
	struct pools	*pools;		/* of the probes */
	struct pool_limits limits;
	char		*path;		/* of the probes */
	struct probe_spec probe;
};

/*
 * Where to connect: false while its name is unknown.  *tls is NULL for a
 * plain one; else it is held and the caller gives it back.  Any thread.
 */
bool upstream_target(struct upstream *up, struct endpoint *at,
    struct tls_context **tls);
/* Control thread.  The certificates of new connections, unless they are
 * plain; held. */
void upstream_set_tls(struct upstream *up, struct tls_context *tls);

/* Passive signs, from any worker. */
void upstream_worked(struct upstream *up);
void upstream_failed(struct upstream *up);
/* Control thread: one has gone out of service; if that was the last of its
 * region, those that were ejected come back. */
void upstream_reinstate(const struct upstream *gone);
/* Whether it answers probes so that it may have requests again. */
bool upstream_may_return(const struct upstream *up);
/* Its certificate names another region: never to be sent anything. */
void upstream_is_elsewhere(struct upstream *up);

/* Control thread.  why is for the log, one clause. */
void upstream_set_health(struct upstream *up, enum health health,
    const char *why);

/* Control thread: asks for the address of an ENDPOINT_NAME if it is not
 * known, grew old, or does not answer; what was known stays in use meanwhile. */
void upstream_resolve(struct upstream *up);

#endif
