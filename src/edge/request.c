/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/passage.h"
#include "edge/request.h"

#include "base/must.h"
#include "edge/cors.h"
#include "edge/tester.h"

static enum step_end step_admit(struct edge_request *);
static enum step_end step_decide(struct edge_request *);
static enum step_end step_respond(struct edge_request *);

/*
 * The life of a request, in the order it is lived.  A step either lets the
 * next one run, waits for an event that will call edge_request_run() again,
 * or has found a reason for an answer of our own, which ends the way.
 */
static const struct step {
	const char	*name;
	enum step_end	(*run)(struct edge_request *);
} steps[STEPS] = {
	/* locate.c: one reading of host and path */
	[STEP_RECEIVE]	= { "receive",	step_receive },
	/* locate.c: who asks; over a link, what the other edge told */
	[STEP_LOCATE]	= { "locate",	step_locate },
	/* compose.c, upstream_head.c: the head for whoever will serve it */
	[STEP_COMPOSE]	= { "compose",	step_compose },
	/* which flow is it about?  may hold the body back */
	[STEP_ADMIT]	= { "admit",	step_admit },
	/* policy/decide.c: may it be served, and where? */
	[STEP_DECIDE]	= { "decide",	step_decide },
	/* enter.c: as many at a time as the limits allow */
	[STEP_ENTER]	= { "enter",	step_enter },
	/* forward.c: one of the region's engines, or its edge */
	[STEP_PICK]	= { "pick",	step_pick },
	/* forward.c: send; retry.c: once more where that is safe */
	[STEP_FORWARD]	= { "forward",	step_forward },
	/* respond.c: the answer, as it comes */
	[STEP_RESPOND]	= { "respond",	step_respond },
	/* record.c: and when all is over, the access line (on_gone) */
};

void
edge_request_run(struct edge_request *er)
{
	for (;;) {
		switch (steps[er->step].run(er)) {
		case STEP_NEXT:
			er->step++;
			break;
		case STEP_AGAIN:
			break;
		case STEP_WAIT:
			return;
		case STEP_ANSWER:
			edge_request_refuse(er, er->refusal);
			return;
		}
	}
}

const struct facts *
edge_request_facts(struct edge_request *er)
{
	struct facts *f = &er->facts;
	struct slice none = { NULL, 0 };

	f->host = request_text(er, er->host);
	f->sni_host = er->sni.len > 0 ? request_text(er, er->sni) : none;
	f->path = request_text(er, er->path);
	f->client = er->client.addr;
	f->tenant = er->has_tenant ? slice_of(er->tenant) : none;
	f->flow = f->knowledge == FLOW_BY_ID ? slice_of(er->flow) : none;
	f->room = NULL;
	f->stale = plan_is_stale(er->plan, er->worker->loop->now_ms);
	return f;
}

/* --- admit ------------------------------------------------------------------ */

/* A name to us has at most LINK_NAME_MAX bytes; what is longer is that of no
 * restricted tenant or flow, but still a name. */
static void
keep_name(char to[LINK_NAME_MAX + 1], struct slice name)
{
	size_t len = name.len <= LINK_NAME_MAX ? name.len : 0;

	if (len > 0)
		memmove(to, name.p, len);
	to[len] = '\0';
}

void
edge_request_keep_names(struct edge_request *er)
{
	struct facts *f = &er->facts;

	er->has_tenant = f->tenant.p != NULL;
	if (er->has_tenant)
		keep_name(er->tenant, f->tenant);
	if (f->knowledge == FLOW_BY_ID)
		keep_name(er->flow, f->flow);
}

static enum step_end
step_admit(struct edge_request *er)
{
	if (!er->peeking) {
		er->times.admitted_us = er->worker->loop->now_us;
		er->passes_expect = er->request->expects_continue;
		return STEP_NEXT;
	}
	request_continue(er->request);
	return STEP_WAIT;
}

/* Not one byte leaves before it is known what binds the request. */
static void
look_inside(struct edge_request *er)
{
	size_t most = er->plan->config->limits.peek_bytes;
	struct slice front = buf_all(&er->body);
	char name[PEEK_TEXT];
	bool whole = er->body_last || front.len >= most;

	if (front.len > most)
		front.len = most;
	/* It is read from its start each time: whoever sends it byte by byte
	 * must not make us do so with each of them. */
	if (!whole && front.len - er->looked_at < er->looked_at / 8)
		return;
	er->looked_at = (uint32_t)front.len;
	edge_request_facts(er);
	if (peek_body(request_text(er, er->content_type), front, whole,
	    &er->facts, name) == PEEK_MORE)
		return;
	edge_request_keep_names(er);
	er->times.admitted_us = er->worker->loop->now_us;
	er->peeking = false;
	er->step = STEP_DECIDE;
	edge_request_run(er);
}

/* --- decide ----------------------------------------------------------------- */

int
edge_request_born(const struct edge_request *er)
{
	if (er->born > 0 || !er->facts.has_birth)
		return er->born - 1;
	return region_numbered(er->plan->generation->policy.map,
	    er->facts.birth);
}

/* RFC 9110 7.6.2: as if we were whom it is for. */
static enum step_end
answer_options(struct edge_request *er)
{
	struct buf *fields = &er->worker->fields;
	struct answer answer = { .status = 200, .length = 0 };

	buf_clear(fields);
	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->frontend));
	buf_slice(fields, answer_allow);
	if (er->cors)
		cors_write(fields, request_text(er, er->origin));
	answer.fields = buf_all(fields);
	er->status = 200;
	er->rule = "max-forwards";
	er->ended = true;
	request_answer(er->request, &answer, (struct slice){ NULL, 0 }, true);
	return STEP_WAIT;
}

static enum step_end
step_decide(struct edge_request *er)
{
	struct region_set up = plan_up_for(er->plan, edge_request_born(er));

	if (er->over_link) {
		record_decision(er);	/* verified in step_locate() */
		return er->ends_here ? answer_options(er) : STEP_NEXT;
	}
	up.bits &= (uint16_t)~er->failed.bits;
	decide(&er->plan->generation->policy, up, edge_request_facts(er),
	    &er->decision);
	if (er->tester != NULL)
		er->tester->up = up;
	if (er->attempts == 0)
		record_decision(er);
	if (er->decision.outcome == OUTCOME_FORWARD)
		return er->ends_here ? answer_options(er) : STEP_NEXT;
	/* What went wrong with the last candidate says more than that there
	 * are no others. */
	er->refusal = (uint8_t)(er->attempts > 0 ?
	    refusal_of_end(er->last_end) :
	    refusal_of_outcome(er->decision.outcome));
	return STEP_ANSWER;
}

static enum step_end
step_respond(struct edge_request *er)
{
	(void)er;
	return STEP_WAIT;
}

/* --- requests that broke a rule ----------------------------------------------- */

/* In the head as it came; a name or value of it is good while it is. */
static uint64_t
offset_of(const struct request *r, struct slice part)
{
	return part.p < r->head_bytes.p ||
	    part.p >= r->head_bytes.p + r->head_bytes.len ? 0 :
	    (uint64_t)(part.p - r->head_bytes.p);
}

/* Where a head that serve/ found good is not. */
static uint64_t
fault_at(const struct edge_request *er, enum refusal why)
{
	const struct h1_head *head = er->request->head;
	const struct h1_field *tenant = h1_field(head, FIELD_MANYWHO_TENANT);
	const struct h1_field *length = h1_field(head, FIELD_CONTENT_LENGTH);

	switch (why) {
	case REFUSAL_BAD_PATH:
		return offset_of(er->request, head->target);
	case REFUSAL_BAD_HOST:
		return offset_of(er->request, head->host);
	case REFUSAL_BAD_TENANT:
		return tenant == NULL ? 0 : offset_of(er->request,
		    tenant->value);
	default:			/* too much of it */
		if (er->status == 413 && length != NULL)
			return offset_of(er->request, length->value);
		return head->nfields > H1_CLIENT_FIELDS ?
		    offset_of(er->request, head->fields[
		    H1_CLIENT_FIELDS].name) : H1_CLIENT_HEAD;
	}
}

static void
remember_bad(const struct edge_request *er, enum refusal why)
{
	const struct request *r = er->request;
	const struct endpoint *peer = request_peer(r);
	struct bad_request bad = {
		.unix_ms = (er->worker->unix_offset_us +
		    er->worker->loop->now_us) / 1000,
		.peer = addr_canonical(&peer->addr), .peer_port = peer->port,
		.status = er->status, .request_id = er->request_id,
		.rule = why == REFUSAL_SYNTAX ? er->rule : refusal_name(why),
		.sentence = why == REFUSAL_SYNTAX ? er->sentence : er->rule,
		.head = r->refused_bytes, .at = r->refused_at,
		.part = er->listening->tls && !stream_is_tls(
		    request_stream(er->request)) ? "connection" : NULL,
	};

	if (r->head != NULL && r->head_bytes.len > 0) {
		bad.head = r->head_bytes;
		bad.at = fault_at(er, why);
	}
	bad_requests_add(er->listening->bad, &bad);
}

/* --- answers of our own ------------------------------------------------------- */

static void
write_fields(struct edge_request *er, enum refusal why)
{
	struct buf *fields = &er->worker->fields;

	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->frontend));
	if (er->cors)
		cors_write(fields, request_text(er, er->origin));
	if (er->over_link && !er->touched)
		FIELD_ADD(fields, LINK_REFUSED, slice_of(refusal_name(why)));
	if (er->tester != NULL)
		tester_write(er, fields);
}

/* For the form of an answer alone.  Of a head that was refused it is what
 * stands second, however bad the rest: a player is still waiting for the
 * string that it can read. */
static struct slice
path_asked(const struct edge_request *er)
{
	struct slice path = request_text(er, er->path), method;
	struct slice line = er->request->refused_bytes;

	if (path.len == 0 && line.len > 0 && slice_split(&line, ' ', &method))
		slice_split(&line, ' ', &path);
	return path;
}

void
edge_request_refuse(struct edge_request *er, enum refusal why)
{
	struct worker *w = er->worker;
	const struct answer_spec spec = {
		.why = why, .form = answer_form_for(request_text(er,
		    er->accept), path_asked(er)),
		.request_id = slice_of(er->request_id),
		.pseudonym = er->plan->pseudonym,
		.status = er->status, .rule = er->rule,
		.sentence = why == REFUSAL_SYNTAX ? er->sentence : NULL,
		.retry_after_s = er->retry_after_s,
	};
	struct answer answer = { .no_body =
	    er->request->method == METHOD_HEAD };
	struct slice body;

	record_ender(er, 'P');
	leave_queue(er);
	forward_cancel(er);
	er->refusal = (uint8_t)why;
	er->ended = true;
	buf_clear(&w->fields);
	buf_clear(&w->body);
	answer.status = answer_write(&w->fields, &w->body, &spec);
	write_fields(er, why);
	answer.fields = buf_all(&w->fields);
	body = buf_all(&w->body);
	answer.length = (int64_t)body.len;
	/* Who reads a request otherwise than we do may see another one in
	 * what follows. */
	answer.close = answer.status == 400 || why == REFUSAL_SYNTAX;
	er->status = (uint16_t)answer.status;
	if (why == REFUSAL_SYNTAX || why == REFUSAL_BAD_PATH ||
	    why == REFUSAL_BAD_HOST || why == REFUSAL_BAD_TENANT)
		remember_bad(er, why);
	if (answer.no_body)
		body.len = 0;
	er->body_bytes = body.len;
	request_answer(er->request, &answer, body, true);
}

/* --- the handler -------------------------------------------------------------- */

static void
on_task(struct task *task)
{
	struct edge_request *er = list_entry(task, struct edge_request, task);

	/* No body came with the head: it is not waited for any longer. */
	er->waiting_body = false;
	edge_request_run(er);
}

static void
begin(struct edge_request *er, struct request *r)
{
	struct worker *w = r->server->owner;

	er->request = r;
	er->worker = w;
	er->pin = worker_pin(w);
	er->plan = er->pin->plan;
	er->listening = request_listener(r);
	er->peer = addr_canonical(&request_peer(r)->addr);
	er->over_link = er->listening->kind == LISTENER_LINK;
	er->text = worker_lend(w);
	er->body_kept = true;
	er->backend = -1;
	er->entered.in = -1;
	er->times.head_us = w->loop->now_us;
	task_init(&er->task, on_task);
	ids_text(&w->ids, er->trace_id);
	memcpy(er->request_id, er->trace_id, ID_TEXT);
	memcpy(er->frontend, er->plan->generation->policy.map->regions[
	    er->plan->generation->policy.self].id, sizeof(er->frontend));
}

static void
on_head(struct request *r)
{
	struct edge_request *er = edge_request_of(r);

	begin(er, r);
	edge_request_run(er);
}

static void
on_body(struct request *r, struct slice bytes, bool last)
{
	struct edge_request *er = edge_request_of(r);

	er->body_last |= last;
	if (er->ended)
		return;			/* answered without it */
	if (er->peeking && !enter_held(er, bytes.len)) {
		record_ender(er, 'R');
		edge_request_refuse(er, REFUSAL_OVERLOAD);
	} else if (er->peeking) {
		forward_keep(er, bytes);
		look_inside(er);
	} else if (er->waiting_body) {
		er->waiting_body = false;
		task_cancel(&er->task);
		if (bytes.len <= KEEP_BYTES && !r->body_follows)
			forward_keep(er, bytes);
		else
			forward_pass(er, bytes);
		edge_request_run(er);
		er->passing = (struct slice){ NULL, 0 };
	} else
		forward_body(er, bytes, last);
}

static ssize_t
on_splice(struct request *r, struct stream *from, size_t most)
{
	return forward_splice(edge_request_of(r), from, most);
}

static void
on_drained(struct request *r)
{
	struct edge_request *er = edge_request_of(r);

	if (er->exchange != NULL)
		exchange_resume(er->exchange);
}

static void
on_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	struct edge_request *er = edge_request_of(r);

	if (er->request == NULL) {
		begin(er, r);
		if (r->head != NULL)
			edge_request_note(er);	/* its length alone is wrong */
	}
	er->peeking = er->waiting_body = false;
	task_cancel(&er->task);
	er->status = (uint16_t)status;
	er->rule = rule;
	er->sentence = sentence;
	counters_rule(&er->worker->counters, rule);
	/* Too slow, or gone silent: the client's doing. */
	record_ender(er, status == 408 ? 'c' : 'P');
	edge_request_refuse(er, REFUSAL_SYNTAX);
}

static void
on_gone(struct request *r, enum serve_end end)
{
	struct edge_request *er = edge_request_of(r);

	if (er->request == NULL)
		return;			/* not even a head */
	record_serve_end(er, end);
	record_request(er, end);
	tester_free(&er->tester);
	task_cancel(&er->task);
	forward_cancel(er);
	leave_all(er);
	worker_take_back(er->worker, &er->text);
	worker_take_back(er->worker, &er->body);
	worker_unpin(er->worker, er->pin);
}

const struct handler_ops edge_handler = {
	.name = "edge",
	.request_bytes = sizeof(struct edge_request),
	.head = on_head,
	.body = on_body,
	.splice = on_splice,
	.drained = on_drained,
	.refuse = on_refuse,
	.gone = on_gone,
	.unproxied = worker_unproxied,
	.handshake_failed = worker_handshake_failed,
	.malformed = worker_malformed,
	.passes = passage_is_due,
	.pass = passage_begin,
	.unheard = worker_unheard,
};
