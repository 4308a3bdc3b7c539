/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/must.h"
#include "edge/log_names.h"
#include "edge/log_out.h"

enum {
	SINKS_MAX = 64,			/* of all configurations in use */
	RETRY_MS = 1000,		/* after a failure */
	LAST_WORDS_MS = 2000,		/* for what waits, when it is over */
};

struct log_sink {
	struct list	 node;		/* guarded by the writer's lock, ... */
	unsigned	 refs;		/* ... as is this; 0: it ends */
	char		*name, *region;
	struct log_writer *writer;

	/* the writer's thread alone */
	struct log_out	 out;
	struct log_block *block;	/* being written ... */
	size_t		 done;		/* ... so far */
	unsigned	 turn;		/* whose ring is next */
	struct log_ring	*of;		/* whose block it is */
	unsigned	 reopened;	/* as writer->reopens */
	bool		 is_full, is_broken;
	uint64_t	 retry_ms, ends_ms;

	struct log_ring	 rings[];	/* by worker */
};

struct log_writer {
	pthread_t	 thread;
	unsigned	 nworkers;
	int		 wake;		/* eventfd */
	_Atomic bool	 told;		/* ... was written to already */
	_Atomic bool	 ending;
	_Atomic uint32_t reopens;	/* asked for */
	_Atomic uint64_t dropped;	/* by the thread, and with old sinks */
	_Atomic uint64_t delivered;
	struct log_names *names;
	pthread_mutex_t	 lock;		/* the list and refs; never held while
					   something is written */
	struct list	 sinks;
};

/* --- the worker's side ----------------------------------------------------------- */

static void
wake(struct log_writer *w)
{
	uint64_t one = 1;

	if (!atomic_exchange(&w->told, true))
		must(write(w->wake, &one, sizeof(one)) == sizeof(one));
}

char *
log_sink_room(struct log_sink *sink, unsigned worker)
{
	return log_ring_room(&sink->rings[worker]);
}

void
log_sink_added(struct log_sink *sink, unsigned worker, size_t len)
{
	if (log_ring_added(&sink->rings[worker], len))
		wake(sink->writer);
}

void
log_sink_flush(struct log_sink *sink, unsigned worker)
{
	if (log_ring_flush(&sink->rings[worker]))
		wake(sink->writer);
}

/* --- writing --------------------------------------------------------------------- */

/* From all rings in turn. */
static bool
next_block(struct log_sink *sink)
{
	unsigned n = sink->writer->nworkers;

	for (unsigned i = 0; i < n && sink->block == NULL; i++) {
		sink->of = &sink->rings[sink->turn++ % n];
		sink->block = log_ring_take(sink->of);
		sink->done = 0;
	}
	return sink->block != NULL;
}

static void
give_back(struct log_sink *sink)
{
	log_ring_give_back(sink->of, sink->block);
	sink->block = NULL;
}

static const char *
kind_of(const struct log_sink *sink)
{
	return sink->out.target == LOG_TO_OTLP ? "collector" : "access log";
}

static void
complain(struct log_sink *sink, const char *what)
{
	if (!sink->is_broken)
		log_error("%s %s: %s; lines wait, and are dropped when there "
		    "are too many", kind_of(sink), sink->name, what);
	sink->is_broken = true;
}

static void
is_well_again(struct log_sink *sink)
{
	if (sink->is_broken)
		log_info("%s %s takes lines again", kind_of(sink),
		    sink->name);
	sink->is_broken = false;
}

static bool
is_open(struct log_sink *sink, uint64_t now_ms)
{
	struct err err;

	if (sink->out.fd >= 0)
		return true;
	if (now_ms < sink->retry_ms)
		return false;
	if (log_out_open(&sink->out, &err))
		return true;
	/* Its answer wakes us. */
	if (sink->out.looking)
		return false;
	complain(sink, err.text);
	sink->retry_ms = now_ms + RETRY_MS;
	return false;
}

/* As long as there is something, and it is taken. */
static void
serve(struct log_sink *sink, uint64_t now_ms)
{
	sink->is_full = false;
	log_out_follow(&sink->out);
	while (next_block(sink)) {
		enum log_out_end end;

		if (!is_open(sink, now_ms))
			return;
		end = log_out_write(&sink->out, (struct slice){
		    sink->block->bytes, sink->block->len }, &sink->done);
		if (end == LOG_OUT_BROKEN) {
			complain(sink, strerror(errno));
			sink->retry_ms = now_ms + RETRY_MS;
			return;
		}
		sink->is_full = end == LOG_OUT_FULL;
		if (sink->is_full)
			return;
		is_well_again(sink);
		give_back(sink);
	}
}

/* What was handed over before the call belongs to the old file. */
static void
reopen(struct log_sink *sink)
{
	struct log_out fresh = { .target = sink->out.target,
	    .path = sink->out.path, .fd = -1 };
	struct err err;

	if (sink->out.target != LOG_TO_FILE)
		return;
	if (!log_out_open(&fresh, &err)) {
		log_error("access log %s cannot be opened anew: %s; the old "
		    "file stays in use", sink->name, err.text);
		return;
	}
	log_out_close(&sink->out);
	sink->out.fd = fresh.fd;
	sink->out.kind = fresh.kind;
}

static void
work_on(struct log_sink *sink, uint64_t now_ms)
{
	unsigned reopens = atomic_load(&sink->writer->reopens);

	serve(sink, now_ms);
	if (sink->reopened != reopens && sink->block == NULL) {
		sink->reopened = reopens;
		reopen(sink);
	}
	atomic_fetch_add(&sink->writer->dropped, sink->out.lost);
	atomic_fetch_add(&sink->writer->delivered, sink->out.delivered);
	sink->out.lost = sink->out.delivered = 0;
}

/* --- the end of a sink ------------------------------------------------------------ */

/* Nobody writes to it any more: what the workers had begun is handed over. */
static bool
has_said_all(struct log_sink *sink, uint64_t now_ms)
{
	bool said = sink->block == NULL;

	for (unsigned i = 0; i < sink->writer->nworkers; i++) {
		log_sink_flush(sink, i);
		said &= !log_ring_waits(&sink->rings[i]);
	}
	if (sink->ends_ms == 0)
		sink->ends_ms = now_ms + LAST_WORDS_MS;
	return said || now_ms >= sink->ends_ms;
}

static void
free_sink(struct log_sink *sink)
{
	uint64_t lost = 0;

	if (sink->block != NULL)
		lost = log_lines_in((struct slice){ sink->block->bytes +
		    sink->done, sink->block->len - sink->done });
	free(sink->block);
	for (unsigned i = 0; i < sink->writer->nworkers; i++)
		lost += log_ring_fini(&sink->rings[i]);
	atomic_fetch_add(&sink->writer->dropped, lost);
	log_out_close(&sink->out);
	free(sink->name);
	free(sink->region);
	free(sink);
}

/* --- the thread -------------------------------------------------------------------- */

/* Those that end and are done with are freed. */
static unsigned
sinks_now(struct log_writer *w, struct log_sink *sinks[SINKS_MAX],
    uint64_t now_ms)
{
	unsigned n = 0;

	pthread_mutex_lock(&w->lock);
	list_each(node, &w->sinks) {
		struct log_sink *sink = list_entry(node, struct log_sink,
		    node);

		if (sink->refs > 0)
			sink->ends_ms = 0;
		else if (has_said_all(sink, now_ms)) {
			list_remove(&sink->node);
			free_sink(sink);
			continue;
		}
		sinks[n++] = sink;
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* Until somebody hands something over, there is room again, or it is time to
 * try once more. */
static void
wait_for_more(struct log_writer *w, struct log_sink **sinks, unsigned n)
{
	struct pollfd fds[SINKS_MAX + 1];
	bool soon = atomic_load(&w->ending);
	nfds_t count = 1;
	uint64_t told;

	fds[0] = (struct pollfd){ .fd = w->wake, .events = POLLIN };
	for (unsigned i = 0; i < n; i++) {
		soon |= sinks[i]->is_broken || sinks[i]->ends_ms > 0;
		if (sinks[i]->is_full)
			fds[count++] = (struct pollfd){
			    .fd = sinks[i]->out.fd, .events = POLLOUT };
	}
	if (poll(fds, count, soon ? 100 : -1) > 0 &&
	    (fds[0].revents & POLLIN) != 0) {
		must(read(w->wake, &told, sizeof(told)) == sizeof(told));
		atomic_exchange(&w->told, false);
	}
}

static void *
writer_main(void *arg)
{
	struct log_writer *w = arg;
	struct log_sink *sinks[SINKS_MAX];
	unsigned n;

	for (;;) {
		n = sinks_now(w, sinks, clock_ms());
		for (unsigned i = 0; i < n; i++)
			work_on(sinks[i], clock_ms());
		if (n == 0 && atomic_load(&w->ending))
			return NULL;
		wait_for_more(w, sinks, n);
	}
}

/* --- the control thread's side ------------------------------------------------------ */

/* The thread that asks for names has an answer. */
static void
on_name(void *arg)
{
	wake(arg);
}

struct log_writer *
log_writer_new(unsigned nworkers)
{
	struct log_writer *w = xcalloc(1, sizeof(*w));
	sigset_t all, before;

	w->nworkers = nworkers;
	w->names = log_names_new(on_name, w, log_names_ask_system,
	    LOG_NAMES_AGAIN_MS);
	list_init(&w->sinks);
	pthread_mutex_init(&w->lock, NULL);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(w->wake >= 0);
	/* Signals are for the control thread's loop alone. */
	sigfillset(&all);
	/* But the sandbox's: blocked, it would end the process. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	must(pthread_create(&w->thread, NULL, writer_main, w) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return w;
}

void
log_writer_free(struct log_writer **writer)
{
	struct log_writer *w = *writer;

	*writer = NULL;
	atomic_store(&w->ending, true);
	wake(w);
	must(pthread_join(w->thread, NULL) == 0);
	must(list_empty(&w->sinks));
	log_names_free(&w->names);
	close(w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
log_writer_reopen(struct log_writer *w)
{
	atomic_fetch_add(&w->reopens, 1);
	wake(w);
}

uint64_t
log_writer_dropped(struct log_writer *w)
{
	uint64_t sum = atomic_load(&w->dropped);

	pthread_mutex_lock(&w->lock);
	list_each(node, &w->sinks)
		for (unsigned i = 0; i < w->nworkers; i++)
			sum += log_ring_dropped(&list_entry(node,
			    struct log_sink, node)->rings[i]);
	pthread_mutex_unlock(&w->lock);
	return sum;
}

uint64_t
log_writer_delivered(struct log_writer *w)
{
	return atomic_load(&w->delivered);
}

static struct log_sink *
find(struct log_writer *w, const struct config_access *c)
{
	list_each(node, &w->sinks) {
		struct log_sink *sink = list_entry(node, struct log_sink,
		    node);

		if (sink->out.target == c->target &&
		    strcmp(sink->name, c->to) == 0)
			return sink;
	}
	return NULL;
}

/* A pipe may find its reader later, and a daemon may be started later. */
static bool
may_come(const struct config_access *c)
{
	struct stat st;

	return c->target >= LOG_TO_UNIX || (c->target == LOG_TO_FILE &&
	    stat(c->to, &st) == 0 && S_ISFIFO(st.st_mode));
}

static struct log_sink *
sink_new(struct log_writer *w, const struct config_access *c, struct err *err)
{
	struct log_sink *sink = xcalloc(1, sizeof(*sink) +
	    w->nworkers * sizeof(sink->rings[0]));

	sink->name = xstrdup(c->to);
	sink->writer = w;
	sink->reopened = atomic_load(&w->reopens);
	sink->out.target = c->target;
	sink->out.path = sink->name;
	sink->region = xstrdup(c->region == NULL ? "" : c->region);
	sink->out.region = sink->region;
	sink->out.address = c->address;
	sink->out.names = w->names;
	sink->out.fd = -1;
	if (log_out_open(&sink->out, err) || may_come(c))
		return sink;
	err_wrap(err, "%s", c->to);
	free(sink->name);
	free(sink->region);
	free(sink);
	return NULL;
}

static bool
has_room(struct log_writer *w, struct err *err)
{
	unsigned n = 0;

	list_each(node, &w->sinks)
		n++;
	return n < SINKS_MAX || err_set(err, "too many logs of earlier "
	    "configurations are still in use");
}

struct log_sink *
log_sink_take(struct log_writer *w, const struct config_access *c,
    struct err *err)
{
	struct log_sink *sink;

	pthread_mutex_lock(&w->lock);
	sink = find(w, c);
	if (sink == NULL && has_room(w, err) &&
	    (sink = sink_new(w, c, err)) != NULL)
		list_append(&w->sinks, &sink->node);
	if (sink != NULL)
		sink->refs++;
	pthread_mutex_unlock(&w->lock);
	return sink;
}

void
log_sink_release(struct log_writer *w, struct log_sink *sink)
{
	pthread_mutex_lock(&w->lock);
	sink->refs--;
	pthread_mutex_unlock(&w->lock);
	wake(w);
}
