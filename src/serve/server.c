/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Servers, and the memory of their connections and requests.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/put.h"
#include "serve/h2_conn.h"

/* --- recycled memory -------------------------------------------------------------- */

static struct conn *
conn_new(struct server *server)
{
	struct server_private *sp = server->private;
	struct list *node = list_pop(&sp->spare_conns);
	struct conn *c;

	if (node != NULL) {
		c = list_entry(node, struct conn, node);
		sp->nspare_conns--;
		memset(c, 0, sizeof(*c));
	} else {
		c = xcalloc(1, sizeof(*c));
	}
	c->server = server;
	list_append(&sp->conns, &c->node);
	server->connections++;
	if (server->shared != NULL)
		atomic_fetch_add_explicit(server->shared, 1,
		    memory_order_relaxed);
	return c;
}

void
conn_recycle(struct conn *c)
{
	struct server *server = c->server;
	struct server_private *sp = server->private;

	list_remove(&c->node);
	server->connections--;
	if (server->shared != NULL)
		atomic_fetch_sub_explicit(server->shared, 1,
		    memory_order_relaxed);
	if (sp->nspare_conns >= SPARE_CONNS) {
		free(c);
		return;
	}
	list_push(&sp->spare_conns, &c->node);
	sp->nspare_conns++;
}

/* Zeroed but for the trailers' memory, which stays with the struct. */
struct active *
active_new(struct conn *c)
{
	struct server *server = c->server;
	struct server_private *sp = server->private;
	size_t bytes = sizeof(struct active) + server->handler->request_bytes;
	struct list *node = list_pop(&sp->spare_actives);
	struct buf trailers = { 0 };
	struct active *a;

	if (node != NULL) {
		a = list_entry(node, struct active, node);
		sp->nspare_actives--;
		trailers = a->request.trailers;
		buf_clear(&trailers);
		memset(a, 0, offsetof(struct active, peer));
		memset(&a->is_chunked, 0, bytes -
		    offsetof(struct active, is_chunked));
	} else {
		a = xcalloc(1, bytes);
	}
	list_init(&a->node);
	a->conn = c;
	a->request.trailers = trailers;
	a->request.server = server;
	a->request.conn = c;
	return a;
}

void
active_recycle(struct active *a)
{
	struct server_private *sp = a->conn->server->private;

	if (sp->nspare_actives >= SPARE_ACTIVES) {
		buf_fini(&a->request.trailers);
		free(a);
		return;
	}
	list_push(&sp->spare_actives, &a->node);
	sp->nspare_actives++;
}

struct h2_active *
h2_active_new(struct active *a)
{
	struct server_private *sp = a->conn->server->private;
	struct list *node = list_pop(&sp->spare_streams);
	struct h2_active *s;

	if (node != NULL) {
		s = list_entry(node, struct h2_active, ready);
		sp->nspare_streams--;
		memset(s, 0, sizeof(*s));
	} else {
		s = xcalloc(1, sizeof(*s));
	}
	list_init(&s->ready);
	s->active = a;
	a->h2 = s;
	return s;
}

void
h2_active_recycle(struct h2_active *s)
{
	struct server_private *sp = s->active->conn->server->private;

	buf_fini(&s->trailers);
	list_remove(&s->ready);
	if (sp->nspare_streams >= SPARE_STREAMS) {
		free(s);
		return;
	}
	list_push(&sp->spare_streams, &s->ready);
	sp->nspare_streams++;
}

/* --- the date of answers ----------------------------------------------------------- */

void
server_renew_date(struct server *server)
{
	struct server_private *sp = server->private;
	uint64_t unix_ms = clock_unix_ms();
	struct slice date = h1_date(&sp->date, unix_ms);

	sp->date_line_len = (size_t)(PUT_FIELD(sp->date_line, "Date", date) -
	    sp->date_line);
	sp->date_until_ms = server->loop->now_ms + 1000 - unix_ms % 1000;
}

/* --- servers ----------------------------------------------------------------------- */

struct server *
server_new(struct loop *loop, const struct handler_ops *handler, void *owner,
    const struct serve_limits *limits)
{
	struct server *server = xcalloc(1, sizeof(*server));
	struct server_private *sp = xcalloc(1, sizeof(*sp));

	server->loop = loop;
	server->handler = handler;
	server->owner = owner;
	server->limits = limits;
	server->private = sp;
	list_init(&sp->conns);
	list_init(&sp->spare_conns);
	list_init(&sp->spare_actives);
	list_init(&sp->spare_streams);
	return server;
}

void
server_accept(struct server *server, int fd, const struct endpoint *peer,
    const struct serve_accept *how)
{
	struct conn *c = conn_new(server);

	server->accepted++;
	c->listener = how->listener;
	c->peer = peer->addr;
	c->peer_port = peer->port;
	c->peer_kind = (uint8_t)peer->kind;
	conn_start(c, fd, how);
}

void
server_h2_counts(const struct server *server, struct h2_counts *counts)
{
	const struct h2_kit *kit = server->private->kit;

	*counts = kit == NULL ? (struct h2_counts){ 0 } : *h2_kit_counts(kit);
}

/* From the loop, since a last look at the socket may find a request. */
void
server_drain(struct server *server)
{
	server->draining = true;
	list_each(node, &server->private->conns)
		conn_wake(list_entry(node, struct conn, node));
}

static bool
is_idle(const struct conn *c)
{
	return c->state == CONN_IDLE ||
	    (c->state == CONN_H2 && c->h2->nstreams == 0);
}

/* Those that were looked at go to the end of the list, so that the next call
 * looks at others. */
void
server_shed(struct server *server, unsigned most, uint64_t idle_ms)
{
	struct list *conns = &server->private->conns;
	uint64_t now_ms = server->loop->now_ms;

	if (most > server->connections)
		most = (unsigned)server->connections;
	for (unsigned i = 0; i < most; i++) {
		struct conn *c = list_entry(conns->next, struct conn, node);

		list_remove(&c->node);
		list_append(conns, &c->node);
		if (!is_idle(c) || now_ms - c->since_ms < idle_ms)
			continue;
		c->unwanted = true;
		conn_wake(c);
	}
}

void
server_free(struct server **server)
{
	struct server_private *sp;
	struct list *node;

	if (*server == NULL)
		return;
	sp = (*server)->private;
	while (!list_empty(&sp->conns))
		conn_close(list_entry(sp->conns.next, struct conn, node),
		    SERVE_CUT, true);
	while ((node = list_pop(&sp->spare_conns)) != NULL)
		free(list_entry(node, struct conn, node));
	while ((node = list_pop(&sp->spare_actives)) != NULL) {
		struct active *a = list_entry(node, struct active, node);

		buf_fini(&a->request.trailers);
		free(a);
	}
	while ((node = list_pop(&sp->spare_streams)) != NULL)
		free(list_entry(node, struct h2_active, ready));
	h2_kit_free(&sp->kit);
	buf_fini(&sp->frames);
	buf_fini(&sp->out);
	buf_fini(&sp->reason);
	buf_fini(&sp->status_line);
	free(sp);
	free(*server);
	*server = NULL;
}
