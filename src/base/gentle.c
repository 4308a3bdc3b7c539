/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/gentle.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

enum {
	TURN_US = 250,
	/* Less, and the kernel does not bother to look for another. */
	PAUSE_US = 20,
	/* A tenth of the weight: others have had ten turns' worth before its
	 * next one, which is less than from one tick to the next. */
	NICER_BY = 10,
};

struct gentle {
	void		(*work)(void *);
	void		*arg;
	timer_t		 timer;
	atomic_uint	 turns;		/* so often it gave way */
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

	(void)number;
	if (g == NULL)
		return;
	nanosleep(&pause, NULL);
	atomic_fetch_add_explicit(&g->turns, 1, memory_order_relaxed);
	set_timer(g);
	errno = kept;
}

/* Awake again, it is not to take the core from who works: SCHED_BATCH.  And
 * its naps are to be no longer than they say. */
static void
be_patient(void)
{
	static const struct sched_param none;
	pid_t self = (pid_t)syscall(SYS_gettid);

	if (sched_getscheduler(0) == SCHED_OTHER) {
		sched_setscheduler(0, SCHED_BATCH, &none);
		/* Of this thread alone on Linux; see setpriority(2). */
		setpriority(PRIO_PROCESS, (id_t)self,
		    getpriority(PRIO_PROCESS, (id_t)self) + NICER_BY);
	}
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

static bool
begin_turns(struct gentle *g)
{
	struct sigaction action = { .sa_handler = on_turn,
	    .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
	    .sigev_signo = SIGRTMIN };
	sigset_t ours;

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (sigaction(SIGRTMIN, &action, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &g->timer) != 0)
		return false;
	current = g;
	sigemptyset(&ours);
	sigaddset(&ours, SIGRTMIN);
	must(pthread_sigmask(SIG_UNBLOCK, &ours, NULL) == 0);
	set_timer(g);
	return true;
}

static void *
run(void *arg)
{
	struct gentle *g = arg;
	bool turns;

	be_patient();
	turns = begin_turns(g);
	g->work(g->arg);
	current = NULL;
	if (turns)
		timer_delete(g->timer);
	return NULL;
}

void
gentle_do(void (*work)(void *), void *arg)
{
	struct gentle g = { .work = work, .arg = arg };
	sigset_t all, before;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	rc = pthread_create(&thread, NULL, run, &g);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	if (rc == 0)
		must(pthread_join(thread, NULL) == 0);
	else
		work(arg);
}

unsigned
gentle_turns(void)
{
	return current == NULL ? 0 :
	    atomic_load_explicit(&current->turns, memory_order_relaxed);
}
