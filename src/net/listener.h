/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A listening socket on one loop.  Each loop opens its own with SO_REUSEPORT
 * (or shares a descriptor that was handed over), accepts up to 64 a turn, and
 * plans for running out of descriptors: the owner is asked for some that it can
 * do without, the listener pauses, a timer resumes it; and where the lack lasts,
 * with one that is kept in reserve it turns one client away at a time.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/endpoint.h"
#include "base/err.h"
#include "net/loop.h"

struct listener;

struct listener_ops {
	/* fd is non-blocking, close-on-exec and TCP_NODELAY, and the callee's;
	 * peer is good during the call. */
	void	(*accepted)(void *owner, int fd, const struct endpoint *peer);
	/* No descriptor is left for who waits: whatever keeps one without need
	 * gives it back, now or soon.  Whether some have been.  NULL: nothing
	 * does. */
	bool	(*scarce)(void *owner);
};

/* A bound, listening, non-blocking socket; -1 with *err saying why.  For a
 * UNIX socket a stale file is replaced; mode is its file mode. */
int listener_bind(const struct endpoint *at, bool reuse_port, unsigned mode,
    struct err *err);

/*
 * Whether an IP address and port is nobody's yet: with reuse_port the kernel
 * would let us share it with any process of the same user.
 */
bool listener_is_free(const struct endpoint *at, struct err *err);

/* fd becomes the listener's. */
struct listener *listener_new(struct loop *loop, int fd,
    const struct listener_ops *ops, void *owner);
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);
void listener_free(struct listener **l);

/* The address it is bound to: the port the kernel chose for port 0. */
void listener_address(const struct listener *l, struct endpoint *at);

#endif
