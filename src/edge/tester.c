/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/tester.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/utf8.h"
#include "policy/explain.h"

#define FIELD	"X-ManyWho-Region-Explain"

/* --- who asks ----------------------------------------------------------------- */

/* How many there are, and the last one. */
static unsigned
find_tokens(const struct h1_head *head, struct slice *token)
{
	unsigned count = 0;

	for (size_t i = (size_t)head->by[FIELD_X_MANYWHO]; i < head->nfields;
	    i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id != FIELD_X_MANYWHO || f->hop ||
		    !slice_eq_nocase(f->name, SLICE(FIELD)))
			continue;
		*token = f->value;
		count++;
	}
	return count;
}

void
tester_admit(struct edge_request *er)
{
	char subject[EXPLAIN_SUBJECT_MAX + 1];
	enum explain_token_verdict verdict = EXPLAIN_TOKEN_MALFORMED;
	struct slice token;
	unsigned count = find_tokens(er->request->head, &token);

	if (count == 0)
		return;
	if (count == 1)
		verdict = explain_token_check(
		    &er->plan->config->explain.keys, clock_unix_ms() / 1000,
		    token, subject);
	count_one(&er->worker->counters.explain_tokens[verdict]);
	if (verdict != EXPLAIN_TOKEN_GOOD)
		return;
	er->tester = xcalloc(1, sizeof(*er->tester));
	memcpy(er->tester->subject, subject, sizeof(subject));
	buf_char(&er->tester->attempts, '[');
}

void
tester_free(struct tester **tester)
{
	if (*tester == NULL)
		return;
	buf_fini(&(*tester)->attempts);
	free(*tester);
	*tester = NULL;
}

/* --- attempts ------------------------------------------------------------------- */

void
tester_tries(struct edge_request *er)
{
	struct buf *out = &er->tester->attempts;

	er->tester->began_us = er->worker->loop->now_us;
	buf_text(out, out->len > 1 ? ",{\"region\":" : "{\"region\":");
	buf_json(out, slice_of(er->upstream->spec.region));
	buf_text(out, ",\"upstream\":");
	buf_json(out, slice_of(er->upstream->name));
}

void
tester_tried(struct edge_request *er, const char *end, unsigned status)
{
	struct tester *t = er->tester;

	if (t->began_us == 0)
		return;
	buf_text(&t->attempts, ",\"end\":");
	buf_json(&t->attempts, slice_of(end));
	if (status != 0)
		buf_printf(&t->attempts, ",\"status\":%u", status);
	buf_printf(&t->attempts, ",\"us\":%llu}", (unsigned long long)
	    (er->worker->loop->now_us - t->began_us));
	t->began_us = 0;
}

/* --- the record ------------------------------------------------------------------ */

static uint32_t
code_point(const unsigned char *p, size_t width)
{
	uint32_t code = p[0] & (0xffu >> (width + 1));

	for (size_t i = 1; i < width; i++)
		code = code << 6 | (p[i] & 0x3fu);
	return code;
}

/* As buf_json() writes it, but for a field's value: visible ASCII alone. */
static void
add_ascii(struct buf *out, struct slice json)
{
	for (size_t i = 0, width; i < json.len; i += width) {
		const char *p = json.p + i;
		uint32_t code;

		width = 1;
		if (*p >= ' ' && *p < 0x7f) {
			buf_char(out, *p);
			continue;
		}
		width = utf8_width(p, json.len - i);
		must(width > 0);
		code = width == 1 ? (unsigned char)*p :
		    code_point((const unsigned char *)p, width);
		if (code > 0xffff) {
			code -= 0x10000;
			buf_printf(out, "\\u%04x", 0xd800 + (code >> 10));
			code = 0xdc00 + (code & 0x3ff);
		}
		buf_printf(out, "\\u%04x", code);
	}
}

/* The words of `portolan explain`, where it has any. */
static const char *
refusal_text(const struct edge_request *er)
{
	switch ((enum refusal)er->refusal) {
	case REFUSAL_BAD_HOST:
		return facts_end_text(FACTS_BAD_HOST);
	case REFUSAL_BAD_TENANT:
		return facts_end_text(FACTS_BAD_TENANT);
	case REFUSAL_BAD_PATH:
		return er->rule;
	case REFUSAL_SYNTAX:
		return er->sentence;
	default:
		return refusal_name((enum refusal)er->refusal);
	}
}

static void
write_record(struct edge_request *er, struct buf *out)
{
	struct tester *t = er->tester;
	struct explanation e = {
		.policy = &er->plan->generation->policy,
		.client = &er->client, .request_id = er->request_id,
		.by_hand = { atomic_load_explicit(&er->plan->by_hand,
		    memory_order_relaxed) },
		.up = t->up, .attempts = buf_all(&t->attempts),
	};
	struct buf json = { 0 };

	if (er->step < STEP_DECIDE)
		e.refusal = refusal_text(er);
	else {
		e.facts = edge_request_facts(er);
		e.decision = &er->decision;
	}
	explain_json(&json, &e);
	add_ascii(out, buf_all(&json));
	if (out->len > TESTER_RECORD_MAX) {
		buf_clear(&json);
		buf_clear(out);
		explain_json_short(&json, &e);
		add_ascii(out, buf_all(&json));
	}
	buf_fini(&json);
}

/* --- timers ------------------------------------------------------------------------ */

static void
add_timer(struct buf *out, const char *name, uint64_t us)
{
	if (us != UINT64_MAX)
		buf_printf(out, "%s;dur=%llu.%03llu, ", name,
		    (unsigned long long)us / 1000,
		    (unsigned long long)us % 1000);
}

/* W3C Server Timing, in milliseconds; the total is that until now. */
static void
write_timers(const struct edge_request *er, struct buf *out)
{
	struct access_record rec;

	record_times(&rec, er, er->worker->loop->now_us);
	buf_text(out, "Server-Timing: ");
	add_timer(out, "head", rec.head_us);
	add_timer(out, "hold", rec.hold_us);
	add_timer(out, "connect", rec.connect_us);
	add_timer(out, "response", rec.response_us);
	add_timer(out, "total", rec.total_us);
	out->len -= 2;
	buf_add(out, "\r\n", 2);
}

void
tester_write(struct edge_request *er, struct buf *fields)
{
	struct buf record = { 0 };

	/* Who is waited for no longer. */
	tester_tried(er, "given-up", 0);
	buf_char(&er->tester->attempts, ']');
	write_record(er, &record);
	FIELD_ADD(fields, FIELD, buf_all(&record));
	buf_fini(&record);
	write_timers(er, fields);
	/* A cache in front would show it to others; what we answer ourselves
	 * says so anyway. */
	if (!er->ended)
		buf_slice(fields, SLICE("Cache-Control: no-store\r\n"));
}
