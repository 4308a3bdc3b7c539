/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The control socket: RUN_DIR/edge.sock, HTTP, for the console process and
 * whoever may open the file.  Served by the control thread's own loop, so it
 * answers however busy the workers are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "edge/process.h"
#include "http/target.h"

enum { CONTROL_MODE = 0600, BODY_BYTES = 1024 * 1024 };

struct control {
	struct edge	*edge;
	struct listener	*listener;
	struct server	*server;
	struct serve_limits limits;
	struct list	 waiting;	/* control_request, for a reload's end */
	struct control_request *trying;	/* a map; NULL: nobody */
	bool		 try_later;	/* when nothing is being loaded */
	ino_t		 inode;		/* of its file, which may be renamed */
};

struct control_request {
	struct list	 node;
	struct request	*request;
	uint64_t	 round;
	bool		 takes_map;
	struct buf	 map;		/* as far as it has come */
};

static struct control_request *
mine(struct request *r)
{
	return (struct control_request *)(void *)r->user;
}

static void
reply(struct request *r, unsigned status, const char *type, struct slice body)
{
	struct buf fields = { 0 };
	struct answer answer = { .status = status,
	    .length = (int64_t)body.len, .no_body = r->method == METHOD_HEAD };

	buf_printf(&fields, "Content-Type: %s\r\nCache-Control: no-store\r\n",
	    type);
	answer.fields = buf_all(&fields);
	if (answer.no_body)
		body.len = 0;
	request_answer(r, &answer, body, true);
	buf_fini(&fields);
}

static void
reply_text(struct request *r, unsigned status, struct slice text)
{
	reply(r, status, "text/plain; charset=utf-8", text);
}

/* --- endpoints ---------------------------------------------------------------- */

static void
healthz(struct control *c, struct request *r)
{
	(void)c;
	reply_text(r, 200, SLICE("ok\n"));
}

static void
readyz(struct control *c, struct request *r)
{
	const char *why = edge_not_ready(c->edge);
	struct buf text = { 0 };

	buf_printf(&text, "%s\n", why == NULL ? "ready" : why);
	reply_text(r, why == NULL ? 200 : 503, buf_all(&text));
	buf_fini(&text);
}

static void
readyz_verbose(struct control *c, struct request *r)
{
	struct buf text = { 0 };

	edge_ready_write(c->edge, &text);
	reply_text(r, edge_not_ready(c->edge) == NULL ? 200 : 503,
	    buf_all(&text));
	buf_fini(&text);
}

static void
status(struct control *c, struct request *r)
{
	struct buf text = { 0 };

	edge_status_write(c->edge, &text);
	reply(r, 200, "application/json", buf_all(&text));
	buf_fini(&text);
}

static void
errors(struct control *c, struct request *r)
{
	struct buf text = { 0 };

	edge_errors_write(c->edge, &text);
	reply(r, 200, "application/json", buf_all(&text));
	buf_fini(&text);
}

static void
metrics(struct control *c, struct request *r)
{
	struct buf text = { 0 };

	edge_metrics_write(c->edge, &text);
	reply(r, 200, "text/plain; version=0.0.4; charset=utf-8",
	    buf_all(&text));
	buf_fini(&text);
}

/* Answered when the round has ended. */
static void
reload(struct control *c, struct request *r)
{
	struct control_request *cr = mine(r);

	cr->round = edge_reload(c->edge);
	list_append(&c->waiting, &cr->node);
}

static void
drain(struct control *c, struct request *r)
{
	edge_drain(c->edge);
	reply_text(r, 200, SLICE("draining\n"));
}

static void
region(struct control *c, struct request *r)
{
	struct slice query = r->head->target;
	struct buf text = { 0 };
	struct slice path;
	bool good;

	slice_split(&query, '?', &path);
	good = edge_overrides_take(c->edge, query, &text);
	reply_text(r, good ? 200 : 422, buf_all(&text));
	buf_fini(&text);
}

static void
regions(struct control *c, struct request *r)
{
	struct buf text = { 0 };

	overrides_json(&c->edge->overrides, &text);
	buf_char(&text, '\n');
	reply(r, 200, "application/json", buf_all(&text));
	buf_fini(&text);
}

static void
map_in_service(struct control *c, struct request *r)
{
	const struct generation *g = plan_base(c->edge->plan)->generation;
	struct buf fields = { 0 };
	struct answer answer = { .status = 200,
	    .length = (int64_t)g->map_text.len,
	    .no_body = r->method == METHOD_HEAD };

	buf_printf(&fields, "Content-Type: application/yaml\r\n"
	    "Cache-Control: no-store\r\nETag: \"%s\"\r\n",
	    g->map_revision);
	answer.fields = buf_all(&fields);
	request_answer(r, &answer, answer.no_body ? (struct slice){ 0 } :
	    g->map_text, true);
	buf_fini(&fields);
}

/* "/map?REVISION": that in service must be this one, or "*". */
static void
map_candidate(struct control *c, struct request *r)
{
	const struct generation *g = plan_base(c->edge->plan)->generation;
	struct slice revision = r->head->target;
	struct slice path;
	struct buf text = { 0 };

	slice_split(&revision, '?', &path);
	if (slice_is(revision, "*") || slice_is(revision, g->map_revision)) {
		mine(r)->takes_map = true;
		if (!r->has_body)
			reply_text(r, 400, SLICE("no map in the body\n"));
		return;
	}
	buf_printf(&text, "the map in service is revision %s by now: somebody "
	    "has changed it; get it, and change that\n", g->map_revision);
	reply_text(r, 412, buf_all(&text));
	buf_fini(&text);
}

static void
try_candidate(struct control *c, struct control_request *cr)
{
	struct request *r = cr->request;

	if (cr->map.len == 0)
		reply_text(r, 422, SLICE("the map is empty\n"));
	else if (c->trying != NULL)
		reply_text(r, 503, SLICE("another map is being looked at; try "
		    "again\n"));
	else {
		c->trying = cr;
		c->try_later = !edge_try_map(c->edge, buf_all(&cr->map));
	}
}

void
control_idle(struct control *control)
{
	struct control_request *cr = control->trying;

	if (cr != NULL && control->try_later)
		control->try_later = !edge_try_map(control->edge,
		    buf_all(&cr->map));
}

void
control_map_tried(struct control *control, unsigned status,
    struct slice answer)
{
	struct control_request *cr = control->trying;

	/* It was another's, who has left, and the next one waits. */
	if (cr == NULL || control->try_later)
		return;
	control->trying = NULL;
	reply(cr->request, status, status == 200 ? "application/json" :
	    "text/plain; charset=utf-8", answer);
}

static const struct control_endpoint {
	const char	*path;		/* with a ? at its end: and what follows */
	enum h1_method	 method;	/* GET answers HEAD as well */
	void		(*run)(struct control *, struct request *);
} endpoints[] = {
	{ "/healthz",		METHOD_GET,	healthz },
	{ "/readyz",		METHOD_GET,	readyz },
	{ "/readyz?verbose",	METHOD_GET,	readyz_verbose },
	{ "/status",		METHOD_GET,	status },
	{ "/metrics",		METHOD_GET,	metrics },
	{ "/errors",		METHOD_GET,	errors },
	{ "/reload",		METHOD_POST,	reload },
	{ "/drain",		METHOD_POST,	drain },
	{ "/regions",		METHOD_GET,	regions },
	{ "/region?",		METHOD_POST,	region },
	{ "/map",		METHOD_GET,	map_in_service },
	{ "/map?",		METHOD_POST,	map_candidate },
};

/* --- the handler ---------------------------------------------------------------- */

static void
on_head(struct request *r)
{
	enum h1_method method = r->method == METHOD_HEAD ? METHOD_GET :
	    r->method;
	struct control_request *cr = mine(r);
	bool known = false;

	cr->request = r;
	list_init(&cr->node);
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (!target_fits(r->head->target, endpoints[i].path))
			continue;
		known = true;
		if (endpoints[i].method == method) {
			endpoints[i].run(r->server->owner, r);
			return;
		}
	}
	reply_text(r, known ? 405 : 404, known ? SLICE("another method\n") :
	    SLICE("no such endpoint\n"));
}

static void
on_body(struct request *r, struct slice bytes, bool last)
{
	struct control_request *cr = mine(r);

	if (!cr->takes_map || r->answered)
		return;			/* other bodies say nothing */
	buf_slice(&cr->map, bytes);
	if (last)
		try_candidate(r->server->owner, cr);
}

static void
on_drained(struct request *r)
{
	(void)r;			/* answers are sent whole */
}

static void
on_refuse(struct request *r, unsigned code, const char *rule,
    const char *sentence)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s: %s\n", rule, sentence);
	reply_text(r, code, buf_all(&text));
	buf_fini(&text);
}

static void
on_gone(struct request *r, enum serve_end end)
{
	struct control_request *cr = mine(r);

	struct control *c = r->server->owner;

	(void)end;
	if (cr->request != NULL)
		list_remove(&cr->node);
	if (c->trying == cr)
		c->trying = NULL;
	buf_fini(&cr->map);
}

static const struct handler_ops control_ops = {
	.name = "control",
	.request_bytes = sizeof(struct control_request),
	.auto_continue = true,
	.head = on_head,
	.body = on_body,
	.drained = on_drained,
	.refuse = on_refuse,
	.gone = on_gone,
};

void
control_reloaded(struct control *control, uint64_t round, bool good,
    struct slice words)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s", good ? "reloaded\n" : "reload failed\n");
	buf_slice(&text, words);
	list_each(node, &control->waiting) {
		struct control_request *cr = list_entry(node,
		    struct control_request, node);

		if (cr->round > round)
			continue;
		list_remove(&cr->node);
		reply_text(cr->request, good ? 200 : 422, buf_all(&text));
	}
	buf_fini(&text);
}

/* --- the socket ------------------------------------------------------------------ */

static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	struct control *c = owner;

	server_accept(c->server, fd, peer, &(struct serve_accept){ 0 });
}

static const struct listener_ops listener_ops = {
	.accepted = on_accepted,
};

struct control *
control_new(struct edge *edge, struct err *err)
{
	struct endpoint at = { .kind = ENDPOINT_UNIX };
	struct control *c;
	struct stat st;
	int fd, len = snprintf(at.name, sizeof(at.name), "%s/%s%s",
	    edge->plan->config->run_dir, EDGE_CONTROL_SOCKET,
	    edge->heir ? ".new" : "");

	if (len < 0 || (size_t)len >= sizeof(at.name)) {
		err_set(err, "run_dir: too long for a UNIX socket in it");
		return NULL;
	}
	fd = listener_bind(&at, false, CONTROL_MODE, err);
	if (fd < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->edge = edge;
	c->inode = stat(at.name, &st) == 0 ? st.st_ino : 0;
	list_init(&c->waiting);
	c->limits = (struct serve_limits){ .head_ms = 10000, .idle_ms = 60000,
	    .body_idle_ms = 10000, .send_idle_ms = 30000,
	    .tunnel_idle_ms = 1000, .body_bytes = BODY_BYTES };
	c->server = server_new(edge->loop, &control_ops, c, &c->limits);
	c->listener = listener_new(edge->loop, fd, &listener_ops, c);
	return c;
}

/* Another edge's may stand there by now. */
static void
remove_file(const struct control *c, const char *end)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s%s",
	    c->edge->plan->config->run_dir, EDGE_CONTROL_SOCKET, end);
	if (stat(path, &st) == 0 && st.st_ino == c->inode)
		unlink(path);
}

void
control_free(struct control **control)
{
	struct control *c = *control;

	*control = NULL;
	listener_free(&c->listener);
	remove_file(c, "");
	remove_file(c, ".new");
	server_free(&c->server);
	free(c);
}
