/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A question to the edge and its answer, streamed through.
 */
#include "console/private.h"

static const char *
method_text(enum h1_method method)
{
	return method == METHOD_POST ? "POST" : method == METHOD_HEAD ?
	    "HEAD" : "GET";
}

/* What the body is, and which one. */
static void
pass_fields(struct buf *fields, const struct h1_head *head)
{
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id != FIELD_CONTENT_TYPE &&
		    !slice_eq_nocase(f->name, SLICE("ETag")))
			continue;
		buf_printf(fields, "%.*s: %.*s\r\n", SLICE_ARG(f->name),
		    SLICE_ARG(f->value));
	}
}

static void
on_head(struct exchange *ex, const struct h1_head *head)
{
	struct request *r = exchange_user(ex);
	struct console_request *cr = (struct console_request *)r->user;
	struct buf fields = { 0 };
	struct answer answer = { .status = head->status, .length = -1 };

	cr->answer_ends = head->framing == H1_NO_BODY ||
	    (head->framing == H1_LENGTH && head->content_length == 0);
	if (head->framing == H1_LENGTH)
		answer.length = (int64_t)head->content_length;
	if (head->framing == H1_NO_BODY)
		answer.length = 0;
	answer.no_body = r->method == METHOD_HEAD;
	buf_text(&fields, "Cache-Control: no-store\r\n");
	pass_fields(&fields, head);
	answer.fields = buf_all(&fields);
	request_answer(r, &answer, (struct slice){ 0 }, cr->answer_ends);
	buf_fini(&fields);
}

static void
on_body(struct exchange *ex, struct slice bytes, bool last)
{
	struct request *r = exchange_user(ex);

	if (last)
		request_send_last(r, bytes, (struct slice){ 0 });
	else if (!request_send(r, bytes))
		exchange_pause(ex);
}

static void
on_drained(struct exchange *ex)
{
	(void)ex;			/* questions have no body */
}

static void
on_done(struct exchange *ex, enum exchange_end end)
{
	struct request *r = exchange_user(ex);
	struct console_request *cr = (struct console_request *)r->user;
	struct buf text = { 0 };

	cr->exchange = NULL;
	if (end == EXCHANGE_DONE)
		return;
	if (r->answered) {
		request_abort(r);
		return;
	}
	buf_printf(&text, "The edge process does not answer (%s). It may be "
	    "starting; its log says more.\n", exchange_end_name(end));
	console_answer(r, 503, "text/plain; charset=utf-8", buf_all(&text));
	buf_fini(&text);
}

static const struct exchange_ops edge_ops = {
	.head = on_head,
	.body = on_body,
	.drained = on_drained,
	.done = on_done,
};

void
forward_to_edge(struct console *console, struct request *r, const char *path)
{
	struct console_request *cr = (struct console_request *)r->user;
	struct exchange_request question = { .framing = H1_NO_BODY,
	    .body_whole = true, .method = r->method };

	buf_printf(&cr->head, "%s %s HTTP/1.1\r\nHost: edge\r\n%s\r\n",
	    method_text(r->method), path,
	    r->method == METHOD_POST ? "Content-Length: 0\r\n" : "");
	question.head = buf_all(&cr->head);
	cr->exchange = exchange_start(console->pools, console->edge, &question,
	    &edge_ops, r);
}

void
forward_drained(struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;

	if (cr->exchange != NULL)
		exchange_resume(cr->exchange);
}

void
forward_gone(struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;

	if (cr->exchange != NULL)
		exchange_cancel(&cr->exchange);
	buf_fini(&cr->head);
}
