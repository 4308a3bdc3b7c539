/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One connection and those who wait for it: made by a thread, watched, lost and
 * made again.  What goes over it is in postgres_pipeline.c.
 */
#include <poll.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/postgres_private.h"

static void on_ready(struct watch *, bool, bool);
static void send_waiting(struct pg_link *);
static void lose(struct pg_link *, const char *why);

static struct pg_job *
job_at(struct list *node)
{
	return list_entry(node, struct pg_job, node);
}

/* --- making the connection ------------------------------------------------------- */

static struct loop *
loop_of(const struct pg_link *link)
{
	return link->side->store->base.loop;
}

bool
pg_link_is_here(const struct pg_link *link)
{
	return link->side == link->side->store->here;
}

void
pg_link_tell(struct pg_link *link, bool good, const char *trouble)
{
	if (pg_link_is_here(link))
		pg_store_health(link->side->store, good, trouble);
}

static void
watch_again(struct pg_link *link)
{
	watch_set(loop_of(link), &link->watch, PQsocket(link->conn), true,
	    link->wants_write);
}

static void
end_waiting(struct pg_link *link, enum store_end end)
{
	struct list *node;

	while ((node = list_pop(&link->waiting)) != NULL) {
		link->nwaiting--;
		job_at(node)->end = end;
		pg_job_done(job_at(node));
	}
}

static void
try_later(struct pg_link *link)
{
	timer_set(loop_of(link), &link->retry, link->retry_ms);
	link->retry_ms *= 2;
	if (link->retry_ms > PG_RETRY_MOST_MS)
		link->retry_ms = PG_RETRY_MOST_MS;
}

static void
on_connected(void *arg)
{
	struct pg_link *link = arg;

	must(pthread_join(link->thread, NULL) == 0);
	link->connecting = false;
	link->conn = link->connect.conn;
	link->down = link->conn == NULL;
	if (link->down) {
		pg_link_tell(link, false, link->connect.err.text);
		end_waiting(link, STORE_UNAVAILABLE);
		try_later(link);
		return;
	}
	link->retry_ms = PG_RETRY_LEAST_MS;
	link->wants_write = false;
	watch_again(link);
	pg_link_tell(link, true, "");
	if (link->role == PG_LISTENS) {
		pg_store_strange(link->side->store,
		    link->connect.strange.text);
		pg_store_noted(link->side->store);
	} else {
		send_waiting(link);
	}
}

static void *
connect_now(void *arg)
{
	struct pg_link *link = arg;

	pg_connect(&link->connect);
	loop_post(loop_of(link), on_connected, link);
	return NULL;
}

void
pg_link_begin(struct pg_link *link)
{
	if (link->conn != NULL || link->connecting ||
	    timer_is_set(&link->retry))
		return;
	link->connect = (struct pg_connect){ .conninfo = link->side->conninfo,
	    .home = link->side->home, .set = link->side->store->set[0] !=
	    '\0' ? link->side->store->set : NULL, .role = link->role };
	link->connecting = pthread_create(&link->thread, NULL, connect_now,
	    link) == 0;
	if (!link->connecting)
		try_later(link);
}

static void
on_retry(struct timer *timer)
{
	pg_link_begin(list_entry(timer, struct pg_link, retry));
}

/* --- sending ------------------------------------------------------------------------ */

static void
flush(struct pg_link *link)
{
	int left = PQflush(link->conn);

	if (left < 0) {
		lose(link, NULL);
		return;
	}
	if (link->wants_write == (left > 0))
		return;
	link->wants_write = left > 0;
	watch_again(link);
}

static void
send_waiting(struct pg_link *link)
{
	if (link->conn == NULL)
		return;
	if (pg_pipeline_send(link))
		flush(link);
	else
		lose(link, NULL);
}

/* Down, as far as anybody knows: nobody is to wait for that.  That there was no
 * thread to connect says nothing of the server. */
bool
pg_link_is_down(const struct pg_link *link)
{
	return link->conn == NULL && link->down && !link->connecting;
}

void
pg_link_submit(struct pg_link *link, struct pg_job *job)
{
	struct loop *loop = loop_of(link);

	if (link->nwaiting >= PG_QUEUE_MAX || pg_link_is_down(link)) {
		job->end = STORE_UNAVAILABLE;
		pg_job_done(job);
		return;
	}
	job->due_ms = loop->now_ms + PG_ANSWER_MS;
	list_append(&link->waiting, &job->node);
	link->nwaiting++;
	if (!timer_is_set(&link->look))
		timer_set(loop, &link->look, PG_LOOK_MS);
	if (link->conn == NULL)
		pg_link_begin(link);
	else
		send_waiting(link);
}

/* --- what comes ---------------------------------------------------------------------- */

static void
hear(struct pg_link *link)
{
	PGnotify *note;
	bool any = false;

	while ((note = PQnotifies(link->conn)) != NULL) {
		any = true;
		PQfreemem(note);
	}
	if (any)
		pg_store_noted(link->side->store);
}

static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct pg_link *link = list_entry(watch, struct pg_link, watch);

	if (readable && PQconsumeInput(link->conn) == 0) {
		pg_pipeline_take(link);	/* what came before the end */
		lose(link, NULL);
		return;
	}
	if (link->role == PG_LISTENS) {
		hear(link);
		return;
	}
	pg_pipeline_take(link);
	if (link->conn != NULL && PQstatus(link->conn) != CONNECTION_OK)
		lose(link, NULL);
	else if (link->conn != NULL && (writable || link->batches == 0 ||
	    !list_empty(&link->waiting)))
		send_waiting(link);
}

/* --- ends ----------------------------------------------------------------------------- */

static void
drop(struct pg_link *link)
{
	watch_stop(&link->watch);
	if (link->conn != NULL)
		PQfinish(link->conn);
	link->conn = NULL;
}

/* What waits has not been sent: it may go over the next connection, which is
 * tried at once. */
static void
lose(struct pg_link *link, const char *why)
{
	char words[256];

	pg_link_tell(link, false, why != NULL ? why :
	    pg_words(link->conn, words));
	drop(link);
	pg_pipeline_end(link);
	if (link->side->store->closing)
		return;
	/* Its server may have been away for long. */
	if (pg_link_is_here(link) && link->role == PG_WRITES)
		pg_clear_again(link->side->store);
	pg_link_begin(link);
}

void
pg_link_again(struct pg_link *link)
{
	must(link->role == PG_LISTENS);
	if (link->conn == NULL || link->connecting)
		return;
	drop(link);
	pg_link_begin(link);
}

/* Those who asked give up at some point, and a server that does not answer is
 * asked over another connection. */
static void
on_look(struct timer *timer)
{
	struct pg_link *link = list_entry(timer, struct pg_link, look);
	uint64_t now_ms = loop_of(link)->now_ms;

	list_each(node, &link->waiting)
		if (job_at(node)->due_ms <= now_ms) {
			list_remove(node);
			link->nwaiting--;
			job_at(node)->end = STORE_UNAVAILABLE;
			pg_job_done(job_at(node));
		}
	if (!list_empty(&link->sent) &&
	    job_at(link->sent.next)->due_ms <= now_ms)
		lose(link, "the server does not answer");
	if (!list_empty(&link->waiting) || !list_empty(&link->sent))
		timer_set(loop_of(link), timer, PG_LOOK_MS);
}

void
pg_link_init(struct pg_link *link, struct pg_side *side, enum pg_role role)
{
	link->side = side;
	link->role = role;
	link->retry_ms = PG_RETRY_LEAST_MS;
	link->watch.fn = on_ready;
	list_init(&link->waiting);
	list_init(&link->sent);
	timer_init(&link->look, on_look);
	timer_init(&link->retry, on_retry);
}

/* For an end, in place of the loop. */
static void
finish(struct pg_link *link)
{
	uint64_t until_ms = clock_ms() + PG_ANSWER_MS, now_ms;

	send_waiting(link);
	while (link->conn != NULL && link->batches > 0 &&
	    (now_ms = clock_ms()) < until_ms) {
		struct pollfd p = { .fd = PQsocket(link->conn), .events =
		    (short)(POLLIN | (link->wants_write ? POLLOUT : 0)) };

		if (poll(&p, 1, (int)(until_ms - now_ms)) > 0)
			on_ready(&link->watch, (p.revents & ~POLLOUT) != 0,
			    (p.revents & POLLOUT) != 0);
	}
}

void
pg_link_close(struct pg_link *link)
{
	timer_cancel(&link->look);
	if (link->connecting) {
		must(pthread_join(link->thread, NULL) == 0);
		loop_unpost(loop_of(link), on_connected, link);
		link->connecting = false;
		link->conn = link->connect.conn;
	}
	if (link->role != PG_LISTENS)
		finish(link);
	drop(link);
	pg_pipeline_end(link);
	end_waiting(link, STORE_UNAVAILABLE);
	timer_cancel(&link->retry);
}
