/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "upstream/fetch.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/h1.h"
#include "net/stream.h"
#include "upstream/upstream_private.h"

enum { READ_AT_ONCE = 65536 };

struct fetch {
	struct stream	 stream;
	struct loop	*loop;
	struct timer	 deadline;
	struct buf	 request, answer;
	size_t		 seen, most;
	fetch_fn	*fn;
	void		*arg;
};

static void
fetch_free(struct fetch *f)
{
	stream_close(&f->stream);
	timer_cancel(&f->deadline);
	buf_fini(&f->request);
	buf_fini(&f->answer);
	free(f);
}

/* The answer lives until fn returns, the fetch no longer. */
static void
finish(struct fetch *f, unsigned status, struct slice body, const char *why)
{
	struct buf answer = f->answer;
	fetch_fn *fn = f->fn;
	void *arg = f->arg;

	f->answer = (struct buf){ NULL, 0, 0 };
	fetch_free(f);
	fn(arg, status, body, why);
	buf_fini(&answer);
}

static void
fail(struct fetch *f, const char *why)
{
	finish(f, 0, (struct slice){ NULL, 0 }, why);
}

static void
finish_chunked(struct fetch *f, unsigned status, struct slice bytes)
{
	struct buf body = { 0 };

	if (h1_chunked_all(bytes, &body))
		finish(f, status, buf_all(&body), "");
	else
		fail(f, "the answer was cut short");
	buf_fini(&body);
}

/* ended: nothing more comes.  True if f is gone. */
static bool
look(struct fetch *f, bool ended)
{
	struct h1_head head;
	struct h1_end end;
	struct slice body;
	enum h1_progress progress = h1_read_response(&head,
	    buf_all(&f->answer), &f->seen, METHOD_GET, &end);

	if (progress == H1_REFUSED || (ended && progress == H1_MORE)) {
		fail(f, "the answer is not HTTP");
		return true;
	}
	if (progress == H1_MORE)
		return false;
	body = (struct slice){ f->answer.p + end.consumed,
	    f->answer.len - end.consumed };
	if (head.framing == H1_LENGTH && body.len >= head.content_length) {
		body.len = (size_t)head.content_length;
		finish(f, head.status, body, "");
	} else if (!ended) {
		return false;
	} else if (head.framing == H1_CHUNKED) {
		finish_chunked(f, head.status, body);
	} else if (head.framing == H1_LENGTH) {
		fail(f, "the answer was cut short");
	} else {
		finish(f, head.status, body, "");
	}
	return true;
}

/* --- the stream ------------------------------------------------------------------ */

static void
on_opened(struct stream *s)
{
	struct fetch *f = list_entry(s, struct fetch, stream);
	const struct iovec part = { f->request.p, f->request.len };

	stream_send(s, &part, 1);
}

static void
on_readable(struct stream *s)
{
	struct fetch *f = list_entry(s, struct fetch, stream);

	for (;;) {
		ssize_t n = stream_read(s, buf_reserve(&f->answer,
		    READ_AT_ONCE), READ_AT_ONCE);

		if (n == STREAM_AGAIN || n == STREAM_ERROR)
			return;		/* failed() follows an error */
		f->answer.len += (size_t)n;
		if (f->answer.len > f->most) {
			fail(f, "the answer is too long");
			return;
		}
		if (look(f, n == 0) || n == 0)
			return;
	}
}

static void
on_drained(struct stream *s)
{
	(void)s;
}

static void
on_failed(struct stream *s, enum stream_end end)
{
	fail(list_entry(s, struct fetch, stream), stream_end_name(end));
}

static void
on_deadline(struct timer *timer)
{
	fail(list_entry(timer, struct fetch, deadline), "no answer in time");
}

/* to is no ENDPOINT_NAME; tls NULL: plain. */
static struct fetch *
fetch_start(struct loop *loop, const struct endpoint *to,
    struct tls_context *tls, const struct fetch_request *request,
    fetch_fn *fn, void *arg)
{
	static const struct stream_ops ops = { on_opened, on_readable,
	    on_drained, on_failed };
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->loop = loop;
	f->most = request->most;
	f->fn = fn;
	f->arg = arg;
	buf_slice(&f->request, request->text);
	timer_init(&f->deadline, on_deadline);
	timer_set(loop, &f->deadline, request->within_ms);
	stream_connect(&f->stream, loop, to, tls, &ops);
	return f;
}

struct fetch *
fetch_upstream(struct loop *loop, struct upstream *to,
    const struct fetch_request *request, fetch_fn *fn, void *arg)
{
	struct tls_context *tls;
	struct endpoint at;
	struct fetch *f;

	if (!upstream_target(to, &at, &tls))
		return NULL;
	f = fetch_start(loop, &at, tls, request, fn, arg);
	if (tls != NULL)
		tls_context_free(&tls);
	return f;
}

void
fetch_cancel(struct fetch **fetch)
{
	if (*fetch != NULL)
		fetch_free(*fetch);
	*fetch = NULL;
}
