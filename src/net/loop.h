/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One thread's event loop: readiness and timers on libevent, deferred calls,
 * and a mailbox through which other threads wake it.  A loop and all that
 * hangs on it belong to one thread and take no locks; only loop_post() and
 * loop_stop() may be called from elsewhere.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/list.h"

enum { LOOP_SCRATCH = 256 * 1024 };

struct loop {
	struct event_base *base;	/* EVENT_BASE_FLAG_NOLOCK */
	uint64_t	 now_ms;	/* monotonic, read once a turn */
	uint64_t	 now_us;	/* the same, finer; for timers in logs */
	char		*scratch;	/* LOOP_SCRATCH bytes to receive into: good
					   until the next receive on this loop */
	bool		 stale;		/* now_ is the last turn's: loop_wake() */
	struct loop_private *private;
};

/* Also makes the process ignore SIGPIPE: OpenSSL writes without MSG_NOSIGNAL. */
struct loop *loop_new(void);
/* Calls posted and not made yet are dropped. */
void loop_free(struct loop **loop);

/* Until loop_stop(); runs what is due first, then waits. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);		/* any thread */

/* First thing in every libevent callback of one's own: reads the time, once a
 * turn.  Callbacks of this folder's modules come with it done. */
void loop_read_time(struct loop *loop);

static inline void
loop_wake(struct loop *loop)
{
	if (loop->stale)
		loop_read_time(loop);
}

/* Calls fn(arg) on the loop's thread, in order of posting.  Any thread. */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);
/* Takes back what was posted with both and is not called yet; the loop's own
 * thread. */
void loop_unpost(struct loop *loop, void (*fn)(void *arg), void *arg);

/*
 * A call at the end of this turn: how results are delivered that are known
 * inside the receiver's own call.  Setting one that is set does nothing.
 */
struct task {
	struct list	 node;
	void		(*fn)(struct task *);
};

void task_init(struct task *task, void (*fn)(struct task *));
void task_set(struct loop *loop, struct task *task);
void task_cancel(struct task *task);

/*
 * Coarse timers (a wheel of 32 ms steps): never early, at most two steps
 * late; setting and cancelling cost a few instructions and no system call.
 */
struct timer {
	struct list	 node;
	uint64_t	 due_ms;
	void		(*fn)(struct timer *);
};

void timer_init(struct timer *timer, void (*fn)(struct timer *));
/* Moves it if it is set already. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t after_ms);
void timer_cancel(struct timer *timer);

static inline bool
timer_is_set(const struct timer *timer)
{
	return !list_empty(&timer->node);
}

/* fn on the loop's thread when the process gets the signal.  libevent allows
 * one loop of a process to do so. */
void loop_on_signal(struct loop *loop, int signo, void (*fn)(void *arg),
    void *arg);

/* fn while fd, which stays the caller's, has something to be read; until it
 * answers false, or loop_free(). */
void loop_on_readable(struct loop *loop, int fd, bool (*fn)(void *arg),
    void *arg);

#endif
