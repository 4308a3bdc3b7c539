/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a handler may call on a request, however the request travels: what
 * holds for all is settled here, the rest by the connection's transport.
 * What follows from a call (the end of the request, the next one) comes from
 * the loop.
 */
#include "serve/serve_private.h"

#include "base/must.h"

const struct endpoint *
request_peer(const struct request *r)
{
	return &active_of(r)->peer;
}

const struct serve_proxy *
request_proxy(const struct request *r)
{
	return r->conn->proxy == NULL ? NULL : &r->conn->proxy->told;
}

void *
request_listener(const struct request *r)
{
	return r->conn->listener;
}

struct stream *
request_stream(struct request *r)
{
	return &r->conn->stream;
}

/* --- the answer ---------------------------------------------------------- */

/* RFC 9110 6.4.1: these have no body, whatever their fields say. */
static bool
has_no_body(const struct request *r, const struct answer *answer)
{
	return answer->no_body || r->method == METHOD_HEAD ||
	    answer->status == 204 || answer->status == 304;
}

void
request_answer(struct request *r, const struct answer *answer,
    struct slice bytes, bool last)
{
	struct active *a = active_of(r);
	int64_t length = answer->length;
	bool none = has_no_body(r, answer);

	must(!r->answered || a->gone);
	if (a->gone)
		return;
	r->answered = true;
	if (last && length < 0 && !none)
		length = (int64_t)bytes.len;
	if (none) {
		a->out = OUT_NOTHING;
	} else if (length >= 0) {
		a->out = OUT_LENGTH;
		a->out_left = (uint64_t)length;
	} else {
		a->out = OUT_OPEN;
	}
	a->transport->answer(r, answer, length, bytes, last);
}

bool
request_send(struct request *r, struct slice bytes)
{
	struct active *a = active_of(r);

	must(r->answered || a->gone);
	if (a->gone || a->answer_done || a->aborted)
		return true;
	return a->transport->send(r, bytes);
}

ssize_t
request_splice(struct request *r, struct stream *from, size_t most, bool *full)
{
	struct active *a = active_of(r);

	*full = false;
	if (a->gone || a->answer_done || a->aborted || a->out != OUT_LENGTH ||
	    most > a->out_left)
		return STREAM_CANNOT;
	return a->transport->splice(r, from, most, full);
}

void
request_send_last(struct request *r, struct slice bytes, struct slice trailers)
{
	struct active *a = active_of(r);

	must(r->answered || a->gone);
	if (a->gone || a->answer_done || a->aborted)
		return;
	a->transport->send_last(r, bytes, trailers);
}

/* --- interim answers and tunnels ----------------------------------------- */

void
request_inform(struct request *r, unsigned status, struct slice fields)
{
	must(status >= 100 && status < 200 && status != 101);
	if (status == 100 && r->expects_continue)
		request_continue(r);
	else if (r->minor > 0 && !r->answered && !active_of(r)->gone)
		active_of(r)->transport->inform(r, status, fields);
	/* else: RFC 9110 15.2: never to HTTP/1.0 */
}

void
request_continue(struct request *r)
{
	struct active *a = active_of(r);

	if (a->continued || r->answered || a->gone || a->refused)
		return;
	a->continued = true;
	a->transport->inform(r, 100, (struct slice){ NULL, 0 });
	a->body_since_ms = a->moved_ms = r->server->loop->now_ms;
	conn_wake(r->conn);		/* its body is awaited from now on */
}

void
request_switch(struct request *r, struct slice fields)
{
	struct active *a = active_of(r);

	must(!r->answered || a->gone);
	if (a->gone)
		return;
	r->answered = true;
	if (!r->body_done) {
		request_abort(r);	/* its rest would pass for tunnelled bytes */
		return;
	}
	a->transport->turn(r, fields);
}

/* --- back-pressure and giving up ----------------------------------------- */

void
request_pause(struct request *r)
{
	struct active *a = active_of(r);

	if (a->paused || a->gone)
		return;
	a->paused = true;
	a->paused_ms = r->server->loop->now_ms;
	a->transport->paused(r);
}

/* The time of the pause is not the client's. */
void
request_resume(struct request *r)
{
	struct active *a = active_of(r);
	uint64_t now_ms = r->server->loop->now_ms;

	if (!a->paused || a->gone)
		return;
	a->paused = false;
	a->moved_ms = now_ms;
	a->body_since_ms += now_ms - a->paused_ms;
	a->transport->resumed(r);
}

void
request_abort(struct request *r)
{
	struct active *a = active_of(r);

	if (a->gone || a->aborted)
		return;
	a->aborted = true;
	a->transport->aborted(r);
}
