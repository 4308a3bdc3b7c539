/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/passage.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/must.h"
#include "net/proxy_header.h"

/*
 * Two sockets and what goes from one to the other.  It outlives the plan that
 * it began under, as a tunnel may stand for hours; until it is connected it
 * looks at the plan in service.
 */
struct passage {
	struct list	 node;		/* of the worker's */
	struct worker	*worker;
	struct stream	 client, edge;
	struct timer	 timer;
	struct task	 task;		/* the end, from the loop */
	const struct listening *listening;
	struct endpoint	 peer, local;
	char		 name[256];
	char		 upstream[UPSTREAM_NAME_MAX];	/* that it went to */
	char		 region_id[16];
	uint8_t		 region;
	bool		 connected, client_ended, edge_ended;
	char		 ender;		/* of the access line */
	unsigned	 attempts;
	uint64_t	 tried;		/* of the region's edges, by number */
	uint64_t	 began_us, connected_us, moved_ms;
};

/* --- the end -------------------------------------------------------------------- */

static void
log_passage(const struct passage *p)
{
	const struct plan *plan = p->worker->pin->plan;
	uint64_t now_us = p->worker->loop->now_us;
	struct addr peer = addr_canonical(&p->peer.addr);
	struct access_record rec = {
		.unix_ms = (p->worker->unix_offset_us + now_us) / 1000,
		.listener = p->listening->name, .peer = &peer,
		.client = &peer, .host = slice_of(p->name),
		.protocol = "TLS", .outcome = "passed", .reason = "host",
		.received_bytes = p->client.received,
		.sent_bytes = p->client.sent, .body_bytes = p->client.sent,
		.frontend = slice_of(plan->config->region),
		.backend = slice_of(p->connected ? p->region_id : NULL),
		.engine = p->upstream[0] == '\0' ? NULL : p->upstream,
		.generation = plan->generation->id,
		.attempts = p->attempts,
		.termination = { p->ender, p->ender == '-' ? '-' :
		    p->connected ? 'T' : 'C', '\0' },
		.head_us = UINT64_MAX, .hold_us = UINT64_MAX,
		.connect_us = p->connected ? p->connected_us - p->began_us :
		    UINT64_MAX,
		.response_us = UINT64_MAX,
		.total_us = now_us - p->began_us,
	};

	if (!p->connected)
		rec.outcome = "region-unavailable";
	if (plan->logs.count > 0)
		access_logs_add(&plan->logs, p->worker->number, &rec);
}

static void
count_passage(const struct passage *p)
{
	struct counters *c = &p->worker->counters;

	count_one(p->connected ? &c->passed : &c->pass_failed);
	count_add(&c->pass_received_bytes, p->client.received);
	count_add(&c->pass_sent_bytes, p->client.sent);
}

/* Both ends at once; neither can take what it got for the whole, since TLS
 * has an end of its own. */
static void
finish(struct passage *p, char ender)
{
	struct worker *w = p->worker;

	if (p->ender == '\0')
		p->ender = ender;
	log_passage(p);
	count_passage(p);
	timer_cancel(&p->timer);
	if (p->ender == '-') {
		stream_close(&p->client);
		stream_close(&p->edge);
	} else {
		stream_cut(&p->client);
		stream_cut(&p->edge);
	}
	list_remove(&p->node);
	w->npassages--;
	atomic_fetch_sub_explicit(&w->shared->connections, 1,
	    memory_order_relaxed);
	free(p);
}

void
passages_cut(struct worker *w)
{
	while (!list_empty(&w->passages))
		finish(list_entry(w->passages.next, struct passage, node),
		    'P');
}

/* --- bytes both ways -------------------------------------------------------------- */

static struct passage *
of_client(struct stream *s)
{
	return list_entry(s, struct passage, client);
}

static struct passage *
of_edge(struct stream *s)
{
	return list_entry(s, struct passage, edge);
}

/* Whether both have said all, and all of it is on its way. */
static bool
is_over(const struct passage *p)
{
	return p->client_ended && p->edge_ended &&
	    stream_pending(&p->client) == 0 && stream_pending(&p->edge) == 0;
}

static void
move(struct passage *p, struct stream *from, struct stream *to, bool *ended)
{
	struct loop *loop = p->worker->loop;
	ssize_t n = stream_read(from, loop->scratch, LOOP_SCRATCH);

	if (n < 0)
		return;			/* an error is told by failed() */
	p->moved_ms = loop->now_ms;
	if (n == 0) {
		*ended = true;
		stream_finish(to);
		if (is_over(p))
			finish(p, '-');
		return;
	}
	stream_send(to, &(struct iovec){ loop->scratch, (size_t)n }, 1);
	if (stream_pending(to) > STREAM_HIGH)
		stream_pause(from);
}

static void
on_client_readable(struct stream *s)
{
	struct passage *p = of_client(s);

	move(p, &p->client, &p->edge, &p->client_ended);
}

static void
on_edge_readable(struct stream *s)
{
	struct passage *p = of_edge(s);

	move(p, &p->edge, &p->client, &p->edge_ended);
}

static void
drained(struct passage *p, struct stream *feeder)
{
	p->moved_ms = p->worker->loop->now_ms;
	if (is_over(p))
		finish(p, '-');
	else
		stream_resume(feeder);
}

static void
on_client_drained(struct stream *s)
{
	drained(of_client(s), &of_client(s)->edge);
}

static void
on_edge_drained(struct stream *s)
{
	drained(of_edge(s), &of_edge(s)->client);
}

static void
on_client_failed(struct stream *s, enum stream_end end)
{
	(void)end;
	finish(of_client(s), 'C');
}

static void
on_client_opened(struct stream *s)
{
	(void)s;			/* an accepted plain one never opens */
}

static const struct stream_ops client_ops = {
	.opened = on_client_opened, .readable = on_client_readable,
	.drained = on_client_drained, .failed = on_client_failed,
};

/* --- to the region's edge ---------------------------------------------------------- */

static void try_next(struct passage *p);

/* Its address is the link's; TLS of clients has a port of its own there. */
static void
on_edge_opened(struct stream *s)
{
	struct passage *p = of_edge(s);
	struct loop *loop = p->worker->loop;
	char bytes[PROXY_WRITE_MAX];
	struct iovec header = { bytes, proxy_header_write(bytes,
	    &(struct proxy_told){ .source = &p->peer,
	    .destination = &p->local, .authority = slice_of(p->name),
	    .passed = true }) };

	p->connected = true;
	p->connected_us = loop->now_us;
	p->moved_ms = loop->now_ms;
	timer_set(loop, &p->timer, p->worker->serve_limits.tunnel_idle_ms);
	stream_send(s, &header, 1);
	stream_resume(&p->client);
}

/* Before it was connected nothing was sent: another one may be tried. */
static void
on_edge_failed(struct stream *s, enum stream_end end)
{
	struct passage *p = of_edge(s);

	(void)end;
	stream_close(s);
	if (p->connected)
		finish(p, 'S');
	else
		try_next(p);
}

static const struct stream_ops edge_ops = {
	.opened = on_edge_opened, .readable = on_edge_readable,
	.drained = on_edge_drained, .failed = on_edge_failed,
};

/* Of those not tried yet one that is up, else any: an edge whose engines are
 * down is there all the same, and says so itself. */
static int
choose(const struct passage *p, const struct backend_group *group)
{
	int any = -1;

	for (unsigned i = 0; i < group->count && i < 64; i++) {
		if (p->tried >> i & 1)
			continue;
		if (upstream_is_up(group->list[i]))
			return (int)i;
		any = (int)i;
	}
	return any;
}

static void
give_up(struct task *task)
{
	finish(list_entry(task, struct passage, task), 'S');
}

static void
try_next(struct passage *p)
{
	const struct plan *plan = p->worker->pin->plan;
	const struct backend_group *group = &plan->backends.regions[p->region];
	struct endpoint at;
	int i;

	while ((i = choose(p, group)) >= 0) {
		p->tried |= UINT64_C(1) << i;
		if (!upstream_address(group->list[i], &at) ||
		    at.kind != ENDPOINT_IP)
			continue;
		at.port = plan->generation->tls_ports[p->region];
		at.tls = false;
		snprintf(p->upstream, sizeof(p->upstream), "%s",
		    group->list[i]->name);
		p->attempts++;
		timer_set(p->worker->loop, &p->timer,
		    p->worker->pool_limits.connect_ms);
		stream_connect(&p->edge, p->worker->loop, &at, NULL,
		    &edge_ops);
		return;
	}
	task_set(p->worker->loop, &p->task);
}

static void
on_timer(struct timer *timer)
{
	struct passage *p = list_entry(timer, struct passage, timer);
	uint64_t now_ms = p->worker->loop->now_ms;
	uint64_t idle_ms = p->worker->serve_limits.tunnel_idle_ms;

	if (!p->connected) {
		stream_close(&p->edge);
		try_next(p);
	} else if (now_ms >= p->moved_ms + idle_ms) {
		finish(p, 'c');
	} else {
		timer_set(p->worker->loop, timer,
		    p->moved_ms + idle_ms - now_ms);
	}
}

/* --- for serve ------------------------------------------------------------------------ */

/* The region that keeps the name's TLS to itself, or -1. */
static int
region_of(const struct plan *plan, struct slice name)
{
	const struct policy *policy = &plan->generation->policy;
	struct host_hit hit;

	if (name.len > 0 && name.p[name.len - 1] == '.')
		name.len--;
	hit = hosts_find(policy->hosts, name);
	return hit.kind == HOST_REGIONAL && hit.region != policy->self &&
	    region_set_has(policy->in_region, hit.region) ? hit.region : -1;
}

bool
passage_may_be(const struct plan *plan)
{
	return plan->generation->policy.in_region.bits != 0;
}

bool
passage_is_due(struct server *server, struct slice name)
{
	const struct worker *w = server->owner;

	return region_of(w->pin->plan, name) >= 0;
}

void
passage_begin(struct server *server, const struct serve_passed *passed)
{
	struct worker *w = server->owner;
	const struct plan *plan = w->pin->plan;
	struct passage *p = xcalloc(1, sizeof(*p));
	int region = region_of(plan, passed->name);

	must(region >= 0 && passed->name.len < sizeof(p->name));
	p->worker = w;
	p->region = (uint8_t)region;
	p->listening = passed->listener;
	p->peer = *passed->peer;
	p->local = *passed->local;
	p->began_us = w->loop->now_us;
	memcpy(p->name, passed->name.p, passed->name.len);
	snprintf(p->region_id, sizeof(p->region_id), "%s",
	    plan->generation->policy.map->regions[region].id);
	timer_init(&p->timer, on_timer);
	task_init(&p->task, give_up);
	list_append(&w->passages, &p->node);
	w->npassages++;
	atomic_fetch_add_explicit(&w->shared->connections, 1,
	    memory_order_relaxed);
	stream_accept(&p->client, w->loop, passed->fd, NULL, &client_ops);
	/* Not a byte is taken until there is somebody to give it to. */
	stream_watch(&p->client);
	stream_pause(&p->client);
	try_next(p);
}
