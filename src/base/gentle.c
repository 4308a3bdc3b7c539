/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/gentle.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

enum {
	TURN_US = 250,
	/* Less, and the kernel does not bother to look for another. */
	PAUSE_US = 20,
	PATIENCE_US = 5000 * 1000,
};

/* The calling thread's own, for its signal handler; NULL: none. */
static _Thread_local struct gentle *current;

/* Only once: it is not to be due as soon as others have had their turn. */
static void
set_timer(const struct gentle *g)
{
	static const struct itimerspec turn = {
	    .it_value = { 0, TURN_US * 1000 } };

	timer_settime(g->timer, 0, &turn, NULL);
}

/*
 * It sleeps, since sched_yield() returns at once as long as the scheduler
 * thinks that the others have had more than their share.
 */
static void
on_turn(int number)
{
	static const struct timespec pause = { 0, PAUSE_US * 1000 };
	struct gentle *g = current;
	int kept = errno;
	uint64_t before;

	(void)number;
	if (g == NULL)
		return;
	before = clock_us();
	nanosleep(&pause, NULL);
	g->lost_us += clock_us() - before;
	atomic_fetch_add_explicit(&g->turns, 1, memory_order_relaxed);
	if (g->lost_us < PATIENCE_US)
		set_timer(g);
	errno = kept;
}

/* Awake again, it is not to take the core from who works: SCHED_BATCH.  And
 * its naps are to be no longer than they say. */
static void
be_patient(struct gentle *g)
{
	static const struct sched_param none;

	g->policy = sched_getscheduler(0);
	if (g->policy == SCHED_OTHER)
		sched_setscheduler(0, SCHED_BATCH, &none);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

static void
be_as_before(const struct gentle *g)
{
	static const struct sched_param none;

	prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
	if (g->policy == SCHED_OTHER)
		sched_setscheduler(0, SCHED_OTHER, &none);
}

void
gentle_begin(struct gentle *g)
{
	struct sigaction action = { .sa_handler = on_turn,
	    .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
	    .sigev_signo = SIGRTMIN };
	sigset_t ours;

	must(current == NULL);
	*g = (struct gentle){ .lost_us = 0 };
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	g->on = sigaction(SIGRTMIN, &action, NULL) == 0 &&
	    timer_create(CLOCK_MONOTONIC, &event, &g->timer) == 0;
	if (!g->on)
		return;
	current = g;
	be_patient(g);
	sigemptyset(&ours);
	sigaddset(&ours, SIGRTMIN);
	must(pthread_sigmask(SIG_UNBLOCK, &ours, &g->mask) == 0);
	set_timer(g);
}

void
gentle_end(struct gentle *g)
{
	if (!g->on)
		return;
	must(current == g);
	current = NULL;
	timer_delete(g->timer);
	must(pthread_sigmask(SIG_SETMASK, &g->mask, NULL) == 0);
	be_as_before(g);
	g->on = false;
}
