/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The request on its way out: framing, back-pressure, and what has to wait
 * for the connection.
 */
#include "base/must.h"
#include "upstream/exchange.h"
#include "upstream/link_stream.h"

/* Pieces of one write; the bytes are others'. */
struct pieces {
	struct iovec	 iov[10];
	int		 count;
	bool		 more;		/* follows at once */
	char		 chunk[24];	/* the head of a chunk */
};

static void
pieces_add(struct pieces *p, struct slice s)
{
	if (s.len == 0)
		return;
	must(p->count < (int)(sizeof(p->iov) / sizeof(p->iov[0])));
	/* writev() promises not to change what iov_base points at. */
	p->iov[p->count++] = (struct iovec){
		(void *)(uintptr_t)s.p, s.len
	};
}

/* bytes as they travel: in a tunnel and by length, as they are. */
static void
pieces_body(struct pieces *p, const struct exchange *ex, struct slice bytes)
{
	size_t n;

	if (bytes.len == 0)
		return;			/* an empty chunk would end the body */
	if (ex->state == EX_TUNNEL || ex->request.framing != H1_CHUNKED) {
		pieces_add(p, bytes);
		return;
	}
	n = h1_chunk_head(p->chunk, bytes.len);
	pieces_add(p, (struct slice){ p->chunk, n });
	pieces_add(p, bytes);
	pieces_add(p, SLICE("\r\n"));
}

static void
pieces_end(struct pieces *p, const struct exchange *ex, struct slice trailers)
{
	if (ex->state == EX_TUNNEL || ex->request.framing != H1_CHUNKED)
		return;
	pieces_add(p, SLICE("0\r\n"));
	pieces_add(p, trailers);
	pieces_add(p, SLICE("\r\n"));
}

/* To the socket, or to what waits for it; false: the owner shall stop. */
static bool
pieces_send(struct pieces *p, struct exchange *ex)
{
	size_t waiting;

	if (ex->state == EX_CONNECTING) {
		for (int i = 0; i < p->count; i++)
			buf_add(&ex->unsent, p->iov[i].iov_base,
			    p->iov[i].iov_len);
		waiting = ex->unsent.len;
	} else {
		if (p->count > 0)
			(p->more ? stream_send_more : stream_send)(
			    &ex->conn->stream, p->iov, p->count);
		waiting = stream_pending(&ex->conn->stream);
	}
	return waiting <= STREAM_HIGH;
}

void
exchange_send_front(struct exchange *ex)
{
	const struct exchange_request *request = &ex->request;
	struct pieces p = { .count = 0 };

	pieces_add(&p, request->head);
	pieces_body(&p, ex, request->body);
	if (request->body_whole) {
		pieces_end(&p, ex, (struct slice){ NULL, 0 });
		ex->request_done = true;
	}
	pieces_add(&p, buf_all(&ex->unsent));
	p.more = request->body_follows && !ex->request_done;
	pieces_send(&p, ex);
	ex->sent = true;
	buf_fini(&ex->unsent);
	exchange_rearm(ex);
}

bool
exchange_send(struct exchange *ex, struct slice bytes)
{
	struct pieces p = { .count = 0 };

	/* Its end is known here and on its way to the owner. */
	if (ex->ending || ex->state == EX_ENDED)
		return true;
	must(!ex->request_done || ex->state == EX_TUNNEL);
	if (ex->stream != NULL)
		return link_stream_send(ex, bytes);
	pieces_body(&p, ex, bytes);
	ex->blocked = !pieces_send(&p, ex);
	if (ex->state != EX_CONNECTING &&
	    (ex->blocked || ex->state == EX_TUNNEL))
		exchange_rearm(ex);
	return !ex->blocked;
}

ssize_t
exchange_splice(struct exchange *ex, struct stream *from, size_t most)
{
	struct stream *to;
	ssize_t n;

	if (ex->ending || ex->stream != NULL ||
	    ex->request.framing != H1_LENGTH ||
	    (ex->state != EX_HEAD && ex->state != EX_BODY))
		return STREAM_CANNOT;
	must(!ex->request_done);
	to = &ex->conn->stream;
	n = stream_splice(from, to, most);
	if (n > 0 && stream_pending(to) > 0) {
		ex->blocked = true;
		exchange_rearm(ex);
	}
	return n;
}

void
exchange_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers)
{
	struct pieces p = { .count = 0 };

	if (ex->ending || ex->state == EX_ENDED)
		return;
	must(!ex->request_done || ex->state == EX_TUNNEL);
	if (ex->stream != NULL) {
		link_stream_send_last(ex, bytes, trailers);
		return;
	}
	pieces_body(&p, ex, bytes);
	pieces_end(&p, ex, trailers);
	pieces_send(&p, ex);
	ex->request_done = true;
	/* Nobody is left to be told to go on. */
	ex->blocked = false;
	if (ex->state == EX_CONNECTING)
		return;
	exchange_rearm(ex);
	if (ex->state != EX_TUNNEL)
		return;
	stream_finish(&ex->conn->stream);
	if (exchange_tunnel_over(ex))
		exchange_finish_later(ex, EXCHANGE_DONE);
}

bool
exchange_tunnel_over(const struct exchange *ex)
{
	return ex->peer_finished && ex->request_done &&
	    stream_pending(&ex->conn->stream) == 0;
}
