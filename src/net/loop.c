/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/loop_private.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "net/chunk.h"

struct message {
	struct message	*next;
	void		(*fn)(void *arg);
	void		*arg;
};

struct signal_watch {
	struct signal_watch *next;
	struct event	 event;
	struct loop	*loop;
	void		(*fn)(void *arg);
	bool		(*read)(void *arg);	/* of a descriptor instead */
	void		*arg;
};

void
loop_read_time(struct loop *loop)
{
	loop->now_us = clock_us();
	loop->now_ms = loop->now_us / 1000;
	loop->stale = false;
}

/* --- mailbox ------------------------------------------------------------- */

static void
ring(struct loop_private *p)
{
	uint64_t one = 1;

	/* Full means that it rings already. */
	if (write(p->mail_fd, &one, sizeof(one)) < 0)
		return;
}

void
loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_private *p = loop->private;
	struct message *m = xmalloc(sizeof(*m));
	bool first;

	*m = (struct message){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&p->mail_lock);
	first = p->mail_first == NULL;
	if (first)
		p->mail_first = m;
	else
		p->mail_last->next = m;
	p->mail_last = m;
	pthread_mutex_unlock(&p->mail_lock);
	if (first)
		ring(p);
}

static struct message *
take_mail(struct loop_private *p)
{
	struct message *m;

	pthread_mutex_lock(&p->mail_lock);
	m = p->mail_first;
	p->mail_first = p->mail_last = NULL;
	pthread_mutex_unlock(&p->mail_lock);
	return m;
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct loop_private *p = loop->private;
	struct message *m;
	uint64_t count;

	(void)what;
	loop_wake(loop);
	if (read(fd, &count, sizeof(count)) < 0)
		return;			/* somebody's wake-up came twice */
	p->opened = take_mail(p);
	while ((m = p->opened) != NULL) {
		p->opened = m->next;
		m->fn(m->arg);
		free(m);
	}
}

/* They stay where they are, and do nothing. */
static void
forget(struct message *m, void (*fn)(void *), void *arg)
{
	for (; m != NULL; m = m->next)
		if (m->fn == fn && m->arg == arg)
			m->fn = do_nothing;
}

void
loop_unpost(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_private *p = loop->private;

	pthread_mutex_lock(&p->mail_lock);
	forget(p->mail_first, fn, arg);
	pthread_mutex_unlock(&p->mail_lock);
	forget(p->opened, fn, arg);
}

void
loop_stop(struct loop *loop)
{
	atomic_store(&loop->private->stop, true);
	ring(loop->private);
}

/* --- tasks --------------------------------------------------------------- */

void
task_init(struct task *task, void (*fn)(struct task *))
{
	list_init(&task->node);
	task->fn = fn;
}

void
task_set(struct loop *loop, struct task *task)
{
	if (list_empty(&task->node))
		list_append(&loop->private->tasks, &task->node);
}

void
task_cancel(struct task *task)
{
	list_remove(&task->node);
}

/*
 * Those set by now; what they set in turn waits for the next turn, so that
 * two tasks waking each other cannot keep the sockets from being served.
 */
static void
run_tasks(struct loop_private *p)
{
	struct list mark, *node;

	list_init(&mark);
	list_append(&p->tasks, &mark);
	while ((node = list_pop(&p->tasks)) != &mark) {
		struct task *task = list_entry(node, struct task, node);

		task->fn(task);
	}
}

/* --- turns --------------------------------------------------------------- */

/*
 * Only ends libevent's wait; the wheel turns at the end of every turn.  Not a
 * timer of libevent's: while it has any, it asks for the time twice in each
 * turn.  Edge-triggered, so that nobody has to read it: to be set again is
 * enough.
 */
static void
on_wheel(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	loop->private->armed = WHEEL_NEVER;
	loop_wake(loop);
}

/* A later time than armed is left to the wake-up that comes too early. */
static void
arm_wheel(struct loop *loop)
{
	struct loop_private *p = loop->private;
	uint64_t due = p->wheel.next, due_ms = due * WHEEL_STEP_MS;
	struct itimerspec at = { 0 };

	if (due >= p->armed)
		return;
	at.it_value.tv_sec = (time_t)(due_ms / 1000);
	at.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
	must(timerfd_settime(p->wheel_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
	p->armed = due;
}

static void
end_turn(struct loop *loop)
{
	struct loop_private *p = loop->private;

	loop_wake(loop);
	wheel_run(&p->wheel, loop->now_ms);
	run_tasks(p);
	arm_wheel(loop);
	loop->stale = true;
}

void
loop_run(struct loop *loop)
{
	struct loop_private *p = loop->private;

	for (;;) {
		end_turn(loop);
		if (atomic_exchange(&p->stop, false))
			return;
		must(event_base_loop(loop->base, EVLOOP_ONCE |
		    (list_empty(&p->tasks) ? 0 : EVLOOP_NONBLOCK)) >= 0);
	}
}

/* --- signals ------------------------------------------------------------- */

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *w = arg;

	(void)signo;
	(void)what;
	loop_wake(w->loop);
	w->fn(w->arg);
}

static struct signal_watch *
add_watch(struct loop *loop, void *arg)
{
	struct signal_watch *w = xcalloc(1, sizeof(*w));

	w->loop = loop;
	w->arg = arg;
	w->next = loop->private->signals;
	loop->private->signals = w;
	return w;
}

void
loop_on_signal(struct loop *loop, int signo, void (*fn)(void *arg), void *arg)
{
	struct signal_watch *w = add_watch(loop, arg);

	w->fn = fn;
	must(event_assign(&w->event, loop->base, signo, EV_SIGNAL | EV_PERSIST,
	    on_signal, w) == 0);
	must(event_add(&w->event, NULL) == 0);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct signal_watch *w = arg;

	(void)fd;
	(void)what;
	loop_wake(w->loop);
	if (!w->read(w->arg))
		event_del(&w->event);
}

void
loop_on_readable(struct loop *loop, int fd, bool (*fn)(void *arg), void *arg)
{
	struct signal_watch *w = add_watch(loop, arg);

	w->read = fn;
	must(event_assign(&w->event, loop->base, fd, EV_READ | EV_PERSIST,
	    on_readable, w) == 0);
	must(event_add(&w->event, NULL) == 0);
}

/* --- birth and end ------------------------------------------------------- */

static struct event_base *
base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	must(config != NULL);
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
	    EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(config);
	must(base != NULL);
	event_config_free(config);
	return base;
}

struct loop *
loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	struct loop_private *p = xcalloc(1, sizeof(*p));

	signal(SIGPIPE, SIG_IGN);
	loop->private = p;
	loop->base = base_new();
	loop->scratch = xmalloc(LOOP_SCRATCH);
	loop_read_time(loop);
	wheel_init(&p->wheel, loop->now_ms);
	list_init(&p->tasks);
	p->armed = WHEEL_NEVER;
	p->wheel_fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	must(p->wheel_fd >= 0);
	must(event_assign(&p->wheel_event, loop->base, p->wheel_fd,
	    EV_READ | EV_PERSIST | EV_ET, on_wheel, loop) == 0);
	must(event_add(&p->wheel_event, NULL) == 0);

	pthread_mutex_init(&p->mail_lock, NULL);
	p->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(p->mail_fd >= 0);
	must(event_assign(&p->mail_event, loop->base, p->mail_fd,
	    EV_READ | EV_PERSIST, on_mail, loop) == 0);
	must(event_add(&p->mail_event, NULL) == 0);
	return loop;
}

static void
free_chunks(struct chunk *c)
{
	struct chunk *next;

	for (; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

static void
free_waiting(struct loop_private *p)
{
	struct message *m = take_mail(p), *next_message;
	struct signal_watch *next_signal;

	for (; m != NULL; m = next_message) {
		next_message = m->next;
		free(m);
	}
	for (struct signal_watch *w = p->signals; w != NULL; w = next_signal) {
		next_signal = w->next;
		event_del(&w->event);
		free(w);
	}
}

void
loop_free(struct loop **loop)
{
	struct loop_private *p;

	if (*loop == NULL)
		return;
	p = (*loop)->private;
	free_waiting(p);
	event_del(&p->mail_event);
	event_del(&p->wheel_event);
	close(p->wheel_fd);
	close(p->mail_fd);
	event_base_free((*loop)->base);
	pthread_mutex_destroy(&p->mail_lock);
	free_chunks(p->small);
	free_chunks(p->large);
	loop_free_pipes(p);
	free((*loop)->scratch);
	free(p);
	free(*loop);
	*loop = NULL;
}
