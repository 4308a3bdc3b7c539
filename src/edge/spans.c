/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/spans.h"

#include <stdlib.h>

#include "base/arena.h"
#include "http/fields.h"

enum { NS_PER_US = 1000, KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_ERROR = 2 };

/* Of a text: with all else a span is no longer than a line may be. */
enum { TEXT_MAX = 160, PATH_MAX_BYTES = 300 };

/* --- the context it came in ------------------------------------------------------ */

/* One traceparent, and a good one; more than one are none. */
static bool
read_parent(const struct h1_head *head, struct traceparent *parent)
{
	unsigned count = 0;
	bool good = false;

	if (head->by[FIELD_TRACEPARENT] < 0)
		return false;
	for (size_t i = (size_t)head->by[FIELD_TRACEPARENT]; i < head->nfields;
	    i++)
		if (head->fields[i].id == FIELD_TRACEPARENT) {
			good = traceparent_read(parent,
			    head->fields[i].value);
			count++;
		}
	return good && count == 1;
}

static void
keep_state(struct spans *s, const struct h1_head *head)
{
	unsigned members = 0;

	s->keeps_state = true;
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (!slice_eq_nocase(f->name, SLICE("tracestate")))
			continue;
		if (!tracestate_is_good(f->value, &members)) {
			s->keeps_state = false;
			s->state_len = 0;
			return;
		}
		if (f->value.len + 1 > SPANS_STATE - s->state_len)
			continue;
		if (s->state_len > 0)
			s->state[s->state_len++] = ',';
		memcpy(s->state + s->state_len, f->value.p, f->value.len);
		s->state_len += f->value.len;
	}
}

/* --- beginning --------------------------------------------------------------------- */

static bool
is_drawn(struct edge_request *er)
{
	double ratio = er->plan->config->trace.sample;

	/* 53 bits are what a double holds. */
	return (double)(ids_next(&er->worker->ids) >> 11) <
	    ratio * (double)((uint64_t)1 << 53);
}

static void
new_id(struct edge_request *er, char id[SPAN_ID_TEXT])
{
	uint64_t n = ids_next(&er->worker->ids);

	ids_hex64(n == 0 ? 1 : n, id);
}

void
spans_begin(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;
	struct traceparent parent;
	struct spans *s;
	bool has_parent = read_parent(head, &parent);
	bool heeds = has_parent && (er->over_link || er->client.peer_trusted);

	if (heeds ? (parent.flags & TRACE_SAMPLED) == 0 : !is_drawn(er))
		return;
	s = er->spans = xcalloc(1, sizeof(*s));
	new_id(er, s->span_id);
	s->flags = TRACE_SAMPLED;
	memcpy(s->trace_id, er->trace_id, TRACE_ID_TEXT);
	if (!has_parent)
		return;
	s->has_parent = true;
	/* The second bit tells of the id (level 2), not of the caller. */
	s->flags |= parent.flags & 0x02;
	memcpy(s->trace_id, parent.trace_id.p, TRACE_ID_TEXT);
	memcpy(s->parent_id, parent.parent_id.p, SPAN_ID_TEXT);
	keep_state(s, head);
}

/* --- attempts ----------------------------------------------------------------------- */

struct slice
spans_try(struct edge_request *er)
{
	struct spans *s = er->spans;
	struct span_of_attempt *a = &s->attempts[s->count < SPANS_ATTEMPTS ?
	    s->count++ : SPANS_ATTEMPTS - 1];
	char *p = s->traceparent;

	memset(a, 0, sizeof(*a));
	new_id(er, a->span_id);
	a->from_us = er->worker->loop->now_us;
	a->upstream = er->upstream->name;
	a->region = er->upstream->spec.region;
	memcpy(p, "00-", 3);
	memcpy(p + 3, s->trace_id, TRACE_ID_TEXT);
	p[35] = '-';
	memcpy(p + 36, a->span_id, SPAN_ID_TEXT);
	memcpy(p + 52, "-0", 2);
	p[54] = (char)('0' + s->flags);
	return (struct slice){ p, TRACEPARENT_TEXT };
}

static struct span_of_attempt *
last_attempt(struct spans *s)
{
	return s->count == 0 ? NULL : &s->attempts[s->count - 1];
}

void
spans_answered(struct edge_request *er, unsigned status)
{
	struct span_of_attempt *a = last_attempt(er->spans);

	if (a != NULL)
		a->status = status;
}

void
spans_failed(struct edge_request *er, const char *end)
{
	struct span_of_attempt *a = last_attempt(er->spans);

	if (a == NULL || a->end != NULL)
		return;
	a->to_us = er->worker->loop->now_us;
	a->end = end;
}

/* --- as the collector reads it (OTLP, in JSON) --------------------------------------- */

static void
text(struct buf *out, const char *key, struct slice value, size_t most)
{
	if (value.len == 0)
		return;
	if (value.len > most)
		value.len = most;
	buf_printf(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
	buf_json(out, value);
	buf_text(out, "}},");
}

static void
word(struct buf *out, const char *key, const char *value)
{
	text(out, key, value == NULL ? (struct slice){ NULL, 0 } :
	    slice_of(value), TEXT_MAX);
}

/* 64-bit numbers are strings in JSON (Protocol Buffers' mapping). */
static void
number(struct buf *out, const char *key, uint64_t value)
{
	buf_printf(out, "{\"key\":\"%s\",\"value\":{\"intValue\":\"%llu\"}},",
	    key, (unsigned long long)value);
}

static void
begin_span(struct buf *out, const struct edge_request *er, const char *id,
    const char *parent, int kind)
{
	const struct spans *s = er->spans;

	buf_printf(out, "{\"traceId\":\"%.32s\",\"spanId\":\"%.16s\",",
	    s->trace_id, id);
	if (parent != NULL)
		buf_printf(out, "\"parentSpanId\":\"%.16s\",", parent);
	if (s->state_len > 0) {
		buf_text(out, "\"traceState\":");
		buf_json(out, (struct slice){ s->state, s->state_len });
		buf_char(out, ',');
	}
	buf_printf(out, "\"flags\":%u,\"kind\":%d,", s->flags, kind);
}

static void
times(struct buf *out, const struct edge_request *er, uint64_t from_us,
    uint64_t to_us)
{
	uint64_t offset = er->worker->unix_offset_us;

	buf_printf(out, "\"startTimeUnixNano\":\"%llu\","
	    "\"endTimeUnixNano\":\"%llu\",\"attributes\":[",
	    (unsigned long long)(offset + from_us) * NS_PER_US,
	    (unsigned long long)(offset + to_us) * NS_PER_US);
}

static void
end_span(struct buf *out, bool failed)
{
	out->len--;			/* the last comma */
	buf_char(out, ']');
	if (failed)
		buf_printf(out, ",\"status\":{\"code\":%d}", STATUS_ERROR);
	buf_text(out, "}\n");
}

/* Low in number, as names of spans have to be. */
static void
write_name(struct buf *out, const struct edge_request *er, bool class)
{
	struct slice method = request_text(er, er->method);

	buf_text(out, "\"name\":\"");
	buf_slice(out, er->request->method == METHOD_OTHER ? SLICE("HTTP") :
	    method);
	if (class && er->step > STEP_DECIDE) {
		buf_char(out, ' ');
		buf_text(out, path_class_name(er->decision.path_class));
	}
	buf_text(out, "\",");
}

static void
write_attempt(struct buf *out, const struct edge_request *er, unsigned i)
{
	const struct span_of_attempt *a = &er->spans->attempts[i];
	bool failed = a->end != NULL || a->status >= 400;

	begin_span(out, er, a->span_id, er->spans->span_id, KIND_CLIENT);
	write_name(out, er, false);
	times(out, er, a->from_us, a->to_us != 0 ? a->to_us :
	    er->worker->loop->now_us);
	text(out, "http.request.method", request_text(er, er->method), 32);
	word(out, "server.address", a->upstream);
	word(out, "portolan.region", a->region);
	if (i > 0)
		number(out, "http.request.resend_count", i);
	if (a->status != 0)
		number(out, "http.response.status_code", a->status);
	word(out, "error.type", a->end);
	end_span(out, failed);
}

static void
write_request(struct buf *out, const struct edge_request *er,
    const struct access_record *rec)
{
	const struct spans *s = er->spans;
	bool failed = rec->status >= 500;

	begin_span(out, er, s->span_id, s->has_parent ? s->parent_id : NULL,
	    KIND_SERVER);
	write_name(out, er, true);
	times(out, er, er->request->began_us, er->worker->loop->now_us);
	text(out, "http.request.method", request_text(er, er->method), 32);
	text(out, "url.path", request_text(er, er->path), PATH_MAX_BYTES);
	word(out, "url.scheme", er->listening->tls ? "https" : "http");
	text(out, "server.address", request_text(er, er->host), TEXT_MAX);
	if (rec->status != 0)
		number(out, "http.response.status_code", rec->status);
	word(out, "portolan.request_id", er->request_id);
	word(out, "portolan.listener", er->listening->name);
	text(out, "portolan.frontend", rec->frontend, TEXT_MAX);
	text(out, "portolan.backend", rec->backend, TEXT_MAX);
	word(out, "portolan.outcome", rec->outcome);
	word(out, "portolan.reason", rec->reason);
	word(out, "portolan.termination", rec->termination);
	number(out, "portolan.generation", er->plan->generation->id);
	word(out, "error.type", failed ? rec->outcome : NULL);
	end_span(out, failed);
}

/* --- the end -------------------------------------------------------------------------- */

static void
hand_over(struct edge_request *er, const struct buf *line)
{
	struct log_sink *sink = er->plan->collector;
	char *room = log_sink_room(sink, er->worker->number);

	if (room == NULL || line->len > LOG_ROOM)
		return;			/* counted as lost; never too long */
	memcpy(room, line->p, line->len);
	log_sink_added(sink, er->worker->number, line->len);
}

void
spans_end(struct edge_request *er)
{
	struct access_record rec = { 0 };
	struct buf line = { 0 };

	record_fill(&rec, er);
	write_request(&line, er, &rec);
	hand_over(er, &line);
	for (unsigned i = 0; i < er->spans->count; i++) {
		buf_clear(&line);
		write_attempt(&line, er, i);
		hand_over(er, &line);
	}
	buf_fini(&line);
	free(er->spans);
	er->spans = NULL;
}
