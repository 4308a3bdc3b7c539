/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/fiber.h"
#include "base/must.h"

/* On the stack of the fiber that waits for it. */
struct work {
	struct list	 node;
	void		(*fn)(void *);
	void		*arg;
	struct fiber	*fiber;
};

struct workers {
	struct loop	*loop;
	pthread_t	*threads;
	unsigned	 count;
	pthread_mutex_t	 lock;		/* guards the rest; loop and threads */
	pthread_cond_t	 wake;
	struct list	 waiting;
	bool		 stop;
};

static void
on_done(void *arg)
{
	struct work *work = arg;

	fiber_resume(work->fiber);
}

static struct work *
take(struct workers *w)
{
	struct list *node;

	pthread_mutex_lock(&w->lock);
	while (list_empty(&w->waiting) && !w->stop)
		pthread_cond_wait(&w->wake, &w->lock);
	node = list_pop(&w->waiting);
	pthread_mutex_unlock(&w->lock);
	return node == NULL ? NULL : list_entry(node, struct work, node);
}

static void *
thread_main(void *arg)
{
	struct workers *w = arg;
	struct work *work;

	while ((work = take(w)) != NULL) {
		work->fn(work->arg);
		loop_post(w->loop, on_done, work);
	}
	return NULL;
}

struct workers *
workers_new(struct loop *loop, unsigned threads)
{
	struct workers *w = xcalloc(1, sizeof(*w));

	w->loop = loop;
	w->threads = xcalloc(threads, sizeof(*w->threads));
	list_init(&w->waiting);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	for (; w->count < threads; w->count++)
		must(pthread_create(&w->threads[w->count], NULL, thread_main,
		    w) == 0);
	return w;
}

void
workers_free(struct workers **workers)
{
	struct workers *w = *workers;

	*workers = NULL;
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	pthread_cond_broadcast(&w->wake);
	for (unsigned i = 0; i < w->count; i++)
		must(pthread_join(w->threads[i], NULL) == 0);
	must(list_empty(&w->waiting));
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->threads);
	free(w);
}

void
workers_run(struct workers *w, void (*fn)(void *arg), void *arg)
{
	struct work work = { .fn = fn, .arg = arg, .fiber = fiber_self() };

	pthread_mutex_lock(&w->lock);
	list_append(&w->waiting, &work.node);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(&w->wake);
	fiber_wait();
}
