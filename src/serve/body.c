/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The body of a request, out of its framing and to the handler.
 */
#include "serve/serve_private.h"

#include "base/must.h"

const struct body_fault body_too_large = { .status = 413,
    .rule = SERVE_TOO_LARGE_RULE, .sentence = SERVE_TOO_LARGE };

static void
moved(struct active *a, size_t bytes)
{
	a->request.body_bytes += bytes;
	a->moved_ms = a->conn->server->loop->now_ms;
	a->continued = true;		/* who sends a body waits for nothing */
}

/* The handler hears of it unless it has answered already. */
static void
deliver(struct active *a, struct slice bytes, bool last)
{
	struct request *r = &a->request;

	r->body_done = last;
	moved(a, bytes.len);
	if (a->answer_done && !r->tunnel)
		a->in_discarded += bytes.len;
	else if (bytes.len > 0 || last)
		r->server->handler->body(r, bytes, last);
}

/* A length said beforehand was looked at with the head. */
static bool
is_too_large(const struct active *a, size_t more)
{
	uint64_t most = a->request.server->limits->body_bytes;
	uint64_t own = a->request.body_most;

	if (own > 0 && (most == 0 || own < most))
		most = own;
	return most > 0 && !a->answer_done &&
	    a->request.body_bytes + more > most;
}

/* A large rest that the handler's upstream can take without a look. */
static bool
may_splice(const struct active *a)
{
	const struct request *r = &a->request;

	return a->in_left >= SPLICE_LEAST && !a->is_chunked && !a->answer_done &&
	    !r->tunnel && r->server->handler->splice != NULL &&
	    !stream_is_tls(&a->conn->stream);
}

static void
read_length(struct active *a, struct slice *in)
{
	struct slice bytes = *in;

	if (bytes.len > a->in_left)
		bytes.len = (size_t)a->in_left;
	in->p += bytes.len;
	in->len -= bytes.len;
	a->in_left -= bytes.len;
	a->request.body_follows = a->conn->more && may_splice(a);
	deliver(a, bytes, a->in_left == 0);
	a->request.body_follows = false;
}

ssize_t
body_splice(struct active *a)
{
	struct request *r = &a->request;
	ssize_t n;

	if (!may_splice(a))
		return STREAM_CANNOT;
	n = r->server->handler->splice(r, &a->conn->stream,
	    (size_t)a->in_left);
	if (n <= 0)
		return n;
	a->in_left -= (uint64_t)n;
	moved(a, (size_t)n);
	if (a->in_left == 0)
		deliver(a, (struct slice){ NULL, 0 }, true);
	return n;
}

/*
 * All chunks that are here are moved together, so that many small ones cost
 * one call.  The bytes are the connection's own and may be written over.
 */
static bool
read_chunked(struct active *a, struct slice *in, struct body_fault *fault)
{
	struct slice whole = { in->p, 0 }, data;
	char *to = (char *)(uintptr_t)in->p;
	enum h1_piece piece = H1_PIECE_MORE;
	enum h1_rule rule = H1_OK;

	while (in->len > 0 && piece != H1_PIECE_END) {
		piece = h1_chunked_read(&a->chunked, in, &data,
		    &a->request.trailers, &rule);
		if (piece == H1_PIECE_BAD) {
			const struct h1_rule_info *info = h1_rule_info(rule);

			*fault = (struct body_fault){ .status = info->status,
			    .rule = info->name, .sentence = info->sentence,
			    .at = a->in_framed +
			    (uint64_t)(in->p - whole.p) - 1 };
			return false;
		}
		if (piece == H1_PIECE_DATA) {
			memmove(to + whole.len, data.p, data.len);
			whole.len += data.len;
		}
	}
	a->in_framed += (uint64_t)(in->p - whole.p);
	if (is_too_large(a, whole.len)) {
		*fault = body_too_large;
		return false;
	}
	deliver(a, whole, piece == H1_PIECE_END);
	return true;
}

bool
body_read(struct active *a, struct slice *in, struct body_fault *fault)
{
	struct slice all = *in;

	must(!a->request.body_done);
	if (a->is_chunked)
		return read_chunked(a, in, fault);
	if (a->request.tunnel) {
		*in = (struct slice){ in->p + in->len, 0 };
		deliver(a, all, false);
	} else {
		read_length(a, in);
	}
	return true;
}

bool
body_deliver(struct active *a, struct slice bytes, bool last,
    struct body_fault *fault)
{
	if (!a->request.tunnel && is_too_large(a, bytes.len)) {
		*fault = body_too_large;
		return false;
	}
	deliver(a, bytes, last);
	return true;
}
