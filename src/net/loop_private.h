/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a loop keeps for the modules of this folder.
 */
#ifndef NET_LOOP_PRIVATE_H
#define NET_LOOP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"

enum {
	WHEEL_STEP_MS = 32,
	WHEEL_SLOTS = 2048,		/* 65 s; later timers come by again */
};

/*
 * A timer stands in the slot of a step at or before its due time, so one that
 * is put off stays where it is and is placed anew when its slot comes up.
 */
struct wheel {
	struct list	 slots[WHEEL_SLOTS];
	uint64_t	 used[WHEEL_SLOTS / 64];	/* a bit a slot; a set one
							   may be empty */
	uint64_t	 step;		/* all up to here have come up */
	uint64_t	 next;		/* the first used slot's, or NEVER */
};

#define WHEEL_NEVER	UINT64_MAX

struct message;
struct signal_watch;
struct chunk;
struct pipe;

struct loop_private {
	struct wheel	 wheel;
	int		 wheel_fd;	/* timerfd */
	struct event	 wheel_event;	/* ends the wait when a slot comes up */
	uint64_t	 armed;		/* ... this one, or WHEEL_NEVER */

	struct list	 tasks;

	int		 mail_fd;	/* eventfd */
	struct event	 mail_event;
	pthread_mutex_t	 mail_lock;	/* guards the two pointers; any thread */
	struct message	*mail_first, *mail_last;
	struct message	*opened;	/* taken out, to be called in this turn */
	atomic_bool	 stop;		/* set by any thread */

	struct signal_watch *signals;

	struct chunk	*small, *large;	/* given back, ready to be lent */
	unsigned	 nsmall, nlarge;
	struct pipe	*pipes;		/* empty ones, ready to be lent */
	unsigned	 npipes, pipes_out;
};

/* stream_splice.c */
void loop_free_pipes(struct loop_private *p);

void wheel_init(struct wheel *wheel, uint64_t now_ms);
/* Calls what is due. */
void wheel_run(struct wheel *wheel, uint64_t now_ms);

#endif
