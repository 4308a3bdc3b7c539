/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Long work of a thread, beside others whose core it may share and who must
 * not wait for it.
 *
 * From gentle_begin() to gentle_end() the calling thread gives its core away
 * every quarter of a millisecond of its work, if anybody else wants it.  Left
 * to itself the scheduler looks only when its clock ticks, which is every four
 * milliseconds on many machines, and a request waits as long.  Where nobody
 * wants the core the work takes a tenth longer.
 *
 * Whoever has waited for others for five seconds in all has shown enough
 * patience, and goes on like anybody.
 */
#ifndef BASE_GENTLE_H
#define BASE_GENTLE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct gentle {
	timer_t		 timer;
	bool		 on;		/* false: no timer could be had */
	int		 policy;	/* of scheduling, before */
	sigset_t	 mask;		/* before */
	uint64_t	 lost_us;	/* to others */
	atomic_uint	 turns;		/* so often it gave way */
};

/*
 * A thread has one at a time; it stands where it is until gentle_end(), which
 * the same thread calls.  Meanwhile signals (SIGRTMIN) interrupt what the
 * thread does; calls are restarted, but for those that wait with a limit.
 */
void gentle_begin(struct gentle *gentle);
void gentle_end(struct gentle *gentle);

#endif
