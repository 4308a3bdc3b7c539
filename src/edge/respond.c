/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The upstream's answer on its way to the client: re-serialised like the
 * request, with exactly one Frontend and one Backend header, both ours.
 */
#include "edge/cors.h"
#include "edge/spans.h"
#include "edge/tester.h"
#include "edge/upstream_head.h"
#include "http/fields.h"

/* What an upstream says of itself, from fields that do not pass. */
struct told {
	struct slice	 backend;	/* p NULL: nothing */
	struct slice	 refused, allowed, upgrade;
	bool		 has_date;
};

static void
hear_manywho(struct told *told, const struct h1_field *f)
{
	if (slice_eq_nocase(f->name, SLICE("X-ManyWho-Region-Backend")))
		told->backend = f->value;
}

static void
hear_portolan(struct told *told, const struct h1_field *f)
{
	if (slice_eq_nocase(f->name, SLICE(LINK_REFUSED)))
		told->refused = f->value;
	else if (slice_eq_nocase(f->name, SLICE(LINK_ALLOWED)))
		told->allowed = f->value;
	else if (slice_eq_nocase(f->name, SLICE(LINK_UPGRADE)))
		told->upgrade = f->value;
}

static struct told
hear(const struct h1_head *head)
{
	struct told told = { .has_date = head->by[FIELD_DATE] >= 0 };

	if (head->by[FIELD_X_MANYWHO] < 0 && head->by[FIELD_X_PORTOLAN] < 0)
		return told;
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id == FIELD_X_MANYWHO)
			hear_manywho(&told, f);
		else if (f->id == FIELD_X_PORTOLAN)
			hear_portolan(&told, f);
	}
	return told;
}

static bool
passes(const struct edge_request *er, const struct h1_field *f)
{
	if (f->hop)
		return false;
	switch (f->id) {
	case FIELD_CONTENT_LENGTH:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_UPGRADE:
	case FIELD_SERVER:		/* nobody's business */
	case FIELD_X_PORTOLAN:
		return false;
	case FIELD_X_MANYWHO:
		return !is_control_field(f->name);
	case FIELD_OTHER:
		return !er->cors || !cors_is_ours(f->name);
	default:
		return true;
	}
}

static void
pass_fields(const struct edge_request *er, const struct h1_head *head)
{
	for (size_t i = 0; i < head->nfields; i++)
		if (passes(er, &head->fields[i]))
			field_add(&er->worker->fields, head->fields[i].name,
			    head->fields[i].value);
}

void
respond_inform(struct edge_request *er, const struct h1_head *head)
{
	buf_clear(&er->worker->fields);
	pass_fields(er, head);
	request_inform(er->request, head->status,
	    buf_all(&er->worker->fields));
}

/* --- which region executed it -------------------------------------------------- */

/*
 * Our own engines stand where we stand unless they say otherwise; from an
 * edge, silence means that no engine was reached.
 */
static int8_t
backend_of(const struct edge_request *er, const struct told *told)
{
	int region = told->backend.p == NULL ? -1 : region_find(
	    er->plan->generation->policy.map, told->backend);

	if (region < 0 && !er->upstream->spec.link)
		region = er->decision.region;
	return (int8_t)region;
}

/*
 * An engine that stands elsewhere than it should: what it did is done, but
 * its answer is passed on only if that region may process the request.
 */
static bool
backend_is_allowed(struct edge_request *er)
{
	uint32_t suppressed;

	if (er->backend < 0 || er->backend == er->decision.region)
		return true;
	count_one(&er->worker->counters.backend_mismatches);
	if (log_rate_allows(&er->worker->complaints, 20, &suppressed))
		log_error("residency: %s answered for %.*s: it is "
		    "misconfigured request_id=%s suppressed=%u",
		    er->upstream->name,
		    SLICE_ARG(er->plan->region_ids[er->backend]),
		    er->request_id, suppressed);
	return region_set_has(er->decision.allowed, (unsigned)er->backend);
}

/* --- the head -------------------------------------------------------------------- */

static void
write_fields(struct edge_request *er, const struct h1_head *head,
    const struct told *told)
{
	struct buf *fields = &er->worker->fields;

	buf_clear(fields);
	pass_fields(er, head);
	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->frontend));
	if (er->backend >= 0)
		FIELD_ADD(fields, "X-ManyWho-Region-Backend",
		    er->plan->region_ids[er->backend]);
	FIELD_ADD(fields, "Via", er->plan->via[exchange_is_h2(er->exchange) ?
	    2 : head->minor]);
	if (er->cors)
		cors_write(fields, request_text(er, er->origin));
	if (er->over_link && told->allowed.p != NULL && head->status == 421)
		FIELD_ADD(fields, LINK_ALLOWED, told->allowed);
	if (er->tester != NULL)
		tester_write(er, fields);
	if (head->status == 101)
		FIELD_ADD(fields, "Upgrade", head->upgrade);
}

/* Of the body, as far as the answer tells; -1: not known. */
static int64_t
length_of(const struct h1_head *head)
{
	if (head->framing == H1_LENGTH)
		return (int64_t)head->content_length;
	if (head->framing == H1_NO_BODY &&
	    head->by[FIELD_CONTENT_LENGTH] >= 0)
		return (int64_t)head->content_length;
	return -1;
}

/*
 * A 426 says to what (RFC 9110 15.5.22), but of the engine's connection with us
 * (7.6.1): the client is offered what its own with us can become, and that is
 * WebSocket, where the engine names it.  A 426 that names others alone, or
 * nothing, goes on as it is, with its body, and without a name: one that we do
 * not pass on (note_upgrade()) would bring the client back to the same 426, and
 * one that the engine did not mean would be our invention.
 */
static struct slice
upgrade_of(const struct edge_request *er, const struct h1_head *head,
    const struct told *told)
{
	struct slice name, names = told->upgrade;
	const struct h1_field *f;

	if (head->status != 426)
		return (struct slice){ NULL, 0 };
	if (!er->upstream->spec.link)
		names = (f = h1_field(head, FIELD_UPGRADE)) == NULL ?
		    (struct slice){ NULL, 0 } : f->value;
	while (fields_next(&names, &name))
		if (slice_eq_nocase(name, SLICE("websocket")))
			return SLICE("websocket");
	return (struct slice){ NULL, 0 };
}

static void
pass_answer(struct edge_request *er, const struct h1_head *head,
    const struct told *told)
{
	struct answer answer = {
		.status = head->status, .reason = head->reason,
		.upgrade = upgrade_of(er, head, told),
		.length = length_of(head),
		.no_body = head->framing == H1_NO_BODY,
		.has_date = told->has_date,
	};
	struct slice front;
	bool last;

	front = exchange_take_front(er->exchange, &last);
	write_fields(er, head, told);
	if (er->over_link && answer.upgrade.len > 0)
		FIELD_ADD(&er->worker->fields, LINK_UPGRADE, answer.upgrade);
	answer.fields = buf_all(&er->worker->fields);
	er->status = head->status;
	er->body_bytes = front.len;
	request_answer(er->request, &answer, front, last);
}

static void
switch_protocol(struct edge_request *er, const struct h1_head *head,
    const struct told *told)
{
	write_fields(er, head, told);
	er->status = 101;
	er->switched = true;
	request_switch(er->request, buf_all(&er->worker->fields));
}

/*
 * The engine knows of a restriction that we have not heard of, and has done
 * nothing; or the other edge has found no engine.
 */
static bool
goes_elsewhere(struct edge_request *er, const struct h1_head *head,
    const struct told *told)
{
	if (er->upstream->spec.link && told->refused.p != NULL)
		return retry_elsewhere(er, RETRY_LINK_REFUSED);
	if (head->status != 421 || er->replayed)
		return false;
	if (told->allowed.p != NULL)
		er->may = link_regions(er->plan->generation->policy.map,
		    told->allowed);
	er->replayed = true;
	return retry_elsewhere(er, RETRY_MISDIRECTED);
}

/* The other edge knows only that its own engines are down; whether there is
 * another region for the request is for us to say. */
static bool
is_down_everywhere(const struct edge_request *er, const struct told *told)
{
	return er->upstream->spec.link &&
	    slice_is(told->refused, refusal_name(REFUSAL_REGION_UNAVAILABLE)) &&
	    (er->elsewhere == OUTCOME_REGION_UNAVAILABLE ||
	    er->elsewhere == OUTCOME_RESIDENCY_UNAVAILABLE);
}

bool
respond_head(struct edge_request *er, const struct h1_head *head)
{
	struct told told = hear(head);

	if (goes_elsewhere(er, head, &told))
		return false;
	if (er->tester != NULL)
		tester_tried(er, "answered", head->status);
	if (er->spans != NULL)
		spans_answered(er, head->status);
	if (is_down_everywhere(er, &told)) {
		edge_request_refuse(er, refusal_of_outcome(er->elsewhere));
		return true;
	}
	er->backend = backend_of(er, &told);
	if (!backend_is_allowed(er)) {
		record_ender(er, 'P');
		edge_request_refuse(er, REFUSAL_RESIDENCY_BROKEN);
		return true;
	}
	if (head->status == 101)
		switch_protocol(er, head, &told);
	else
		pass_answer(er, head, &told);
	return true;
}
