/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the harnesses of both kinds of heads ask of a head that was read.
 */
#ifndef TESTS_FUZZ_HEADS_H
#define TESTS_FUZZ_HEADS_H

#include "base/buf.h"
#include "base/must.h"
#include "http/fields.h"
#include "http/h1.h"
#include "http/write.h"

/* A head, or why not, as far as it is the same for equal bytes. */
struct reading {
	enum h1_progress	 progress;
	struct h1_end		 end;
	struct h1_head		 head;
};

static inline void
must_lie_in(struct slice whole, struct slice part)
{
	if (part.len > 0)
		must(part.p >= whole.p &&
		    part.p + part.len <= whole.p + whole.len);
}

static inline void
must_be_sound(const struct reading *r, struct slice bytes)
{
	const struct h1_head *head = &r->head;

	if (r->progress == H1_REFUSED) {
		must(r->end.rule > H1_OK && r->end.rule < H1_RULES);
		must(r->end.offset <= bytes.len);
	}
	if (r->progress != H1_DONE)
		return;
	must(r->end.consumed <= bytes.len && r->end.consumed <= H1_HEAD_MAX);
	must(head->nfields <= H1_FIELDS_MAX);
	must_lie_in(bytes, head->host);
	must_lie_in(bytes, head->upgrade);
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		must_lie_in(bytes, f->name);
		must_lie_in(bytes, f->value);
		must(f->id == field_identify(f->name));
		must(head->by[f->id] >= 0 && head->by[f->id] <= (int)i);
	}
	via_has(head, head->host);
	cdn_loop_has(head, head->host);
}

static inline void
write_fields(struct buf *out, const struct h1_head *head)
{
	for (size_t i = 0; i < head->nfields; i++)
		h1_write_field(out, head->fields[i].name,
		    head->fields[i].value);
	h1_write_end(out);
}

static inline void
must_mean_the_same(const struct h1_head *a, const struct h1_head *b)
{
	must(a->method == b->method && a->status == b->status);
	must(slice_eq(a->target, b->target) && slice_eq(a->host, b->host));
	must(slice_eq(a->reason, b->reason));
	must(a->expect_continue == b->expect_continue);
	must(a->forwards == b->forwards);
	must(a->keep_alive == b->keep_alive && a->minor == b->minor);
	must(slice_eq(a->upgrade, b->upgrade));
	must(a->framing == b->framing);
	must(a->content_length == b->content_length);
	must(a->nfields == b->nfields);
	must(memcmp(a->by, b->by, sizeof(a->by)) == 0);
	for (size_t i = 0; i < a->nfields; i++) {
		must(slice_eq(a->fields[i].name, b->fields[i].name));
		must(slice_eq(a->fields[i].value, b->fields[i].value));
		must(a->fields[i].hop == b->fields[i].hop);
	}
}

/*
 * Read in two pieces, the outcome is that of reading whole.  Only a fault in
 * a head whose end has not come may go unnoticed for the time being.
 */
static inline void
must_not_mind_cutting(const struct reading *whole, const struct reading *first,
    const struct reading *second)
{
	const struct reading *last = first->progress == H1_MORE ? second :
	    first;

	must(first->progress != H1_DONE || whole->progress == H1_DONE);
	if (last->progress == H1_MORE && whole->progress == H1_REFUSED)
		return;
	must(last->progress == whole->progress);
	if (whole->progress == H1_REFUSED)
		must(last->end.rule == whole->end.rule &&
		    last->end.offset == whole->end.offset);
	if (whole->progress == H1_DONE) {
		must(last->end.consumed == whole->end.consumed);
		must_mean_the_same(&last->head, &whole->head);
	}
}

#endif
