/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What goes out: at once as far as the socket takes it, else by way of a
 * queue; and the end of it.  Nothing in here calls the owner.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/chunk.h"
#include "net/socket_call.h"
#include "net/stream_private.h"

enum { QUEUE_PARTS = 16 };		/* chunks in one sendmsg */

/* --- the queue ----------------------------------------------------------- */

void
stream_queue_add(struct stream *s, const char *bytes, size_t len)
{
	if (s->pending == 0)
		s->sent_ms = s->loop->now_ms;
	s->pending += len;
	while (len > 0) {
		size_t n = s->queue_tail == NULL ? 0 :
		    chunk_add(s->queue_tail, bytes, len);
		struct chunk *c;

		bytes += n;
		len -= n;
		if (len == 0)
			break;
		c = chunk_take(s->loop, len);
		if (s->queue_tail == NULL)
			s->queue = c;
		else
			s->queue_tail->next = c;
		s->queue_tail = c;
	}
	if (s->pending > STREAM_HIGH)
		s->flags |= S_ABOVE;
}

static void
queue_consume(struct stream *s, size_t len)
{
	s->pending -= len;
	while (s->queue != NULL) {
		struct chunk *c = s->queue;
		size_t here = c->end - c->begin;

		if (len < here) {
			c->begin += (uint32_t)len;
			return;
		}
		len -= here;
		s->queue = c->next;
		chunk_give(s->loop, c);
	}
	s->queue_tail = NULL;
}

void
stream_queue_drop(struct stream *s)
{
	queue_consume(s, s->pending);
}

/* --- sending ------------------------------------------------------------- */

/* They are not changed: sendmsg() only has no word for it. */
static ssize_t
send_parts(int fd, const struct iovec *parts, int count, int flags)
{
	const struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)parts,
		.msg_iovlen = (size_t)count,
	};

	return sendmsg(fd, &msg, MSG_NOSIGNAL | flags);
}

static ssize_t
plain_send(struct stream *s, const struct iovec *parts, int count)
{
	ssize_t n = count == 1 ? socket_send(s->fd, parts[0].iov_base,
	    parts[0].iov_len, stream_more(s)) :
	    send_parts(s->fd, parts, count, stream_more(s));

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN : STREAM_ERROR;
}

static ssize_t
send_queue_once(struct stream *s, bool *whole)
{
	struct iovec parts[QUEUE_PARTS];
	size_t asked = 0;
	int count = 0;
	ssize_t n;

	if (s->tls != NULL) {
		struct slice front = chunk_all(s->queue);

		n = stream_tls_write(s, front.p, front.len);
		*whole = n > 0;		/* OpenSSL may well take more */
		return n;
	}
	for (struct chunk *c = s->queue; c != NULL && count < QUEUE_PARTS;
	    c = c->next) {
		parts[count].iov_base = c->bytes + c->begin;
		parts[count].iov_len = c->end - c->begin;
		asked += parts[count++].iov_len;
	}
	n = plain_send(s, parts, count);
	*whole = n == (ssize_t)asked;
	return n;
}

/* The end of our sending, once everything before it has gone. */
static void
finish_now(struct stream *s)
{
	if (s->tls != NULL && !stream_tls_finish(s)) {
		stream_start_writing(s);
		return;
	}
	shutdown(s->fd, SHUT_WR);
	s->flags |= S_FINISHED;
	stream_stop_writing(s);
	stream_later(s, S_TASK_DRAINED);
}

bool
stream_owes_drained(struct stream *s)
{
	bool owes = false;

	if (s->flags & S_ABOVE && s->pending <= STREAM_LOW) {
		s->flags &= ~(uint32_t)S_ABOVE;
		owes = true;
	}
	if (s->flags & S_TELL_EMPTY && s->pending == 0) {
		s->flags &= ~(uint32_t)S_TELL_EMPTY;
		owes = true;
	}
	return owes;
}

void
stream_flush(struct stream *s)
{
	bool whole = s->pipe == NULL || stream_pipe_flush(s);

	while (s->queue != NULL && whole) {
		ssize_t n = send_queue_once(s, &whole);

		if (n == STREAM_ERROR) {
			stream_fail(s, STREAM_BROKEN);
			return;
		}
		if (n == STREAM_AGAIN)
			break;
		s->sent += (uint64_t)n;
		s->sent_ms = s->loop->now_ms;
		queue_consume(s, (size_t)n);
	}
	if (s->pending > 0)
		stream_start_writing(s);
	else if (s->flags & S_FINISH && !(s->flags & S_FINISHED))
		finish_now(s);
	else
		stream_stop_writing(s);
}

/* Sends parts directly while the socket takes them, then queues the rest. */
static void
send_plain_parts(struct stream *s, const struct iovec *parts, int count)
{
	ssize_t n = plain_send(s, parts, count);

	if (n == STREAM_ERROR) {
		stream_fail(s, STREAM_BROKEN);
		return;
	}
	if (n > 0)
		s->sent += (uint64_t)n;
	else
		n = 0;
	for (int i = 0; i < count; i++) {
		size_t len = parts[i].iov_len;

		if ((size_t)n >= len) {
			n -= (ssize_t)len;
			continue;
		}
		stream_queue_add(s, (const char *)parts[i].iov_base + n,
		    len - (size_t)n);
		n = 0;
	}
	if (s->queue != NULL)
		stream_start_writing(s);
}

/*
 * Whole records go straight from the caller's memory, everything else by way
 * of the queue, so that small parts share a record.
 */
static void
send_tls_parts(struct stream *s, const struct iovec *parts, int count)
{
	for (int i = 0; i < count; i++) {
		const char *p = parts[i].iov_base;
		size_t len = parts[i].iov_len;

		while (len >= TLS_RECORD && s->queue == NULL) {
			ssize_t n = stream_tls_write(s, p, len);

			if (n == STREAM_ERROR) {
				stream_fail(s, STREAM_BROKEN);
				return;
			}
			if (n == STREAM_AGAIN)
				break;
			s->sent += (uint64_t)n;
			p += n;
			len -= (size_t)n;
			if (len < TLS_RECORD)
				break;
		}
		stream_queue_add(s, p, len);
	}
	if (s->queue != NULL)
		stream_flush(s);
}

static void
send_all(struct stream *s, const struct iovec *parts, int count)
{
	if (s->fd < 0 || s->flags & (S_FAILED | S_FINISH))
		return;
	if (s->pending == 0 && s->flags & S_OPEN) {
		if (s->tls != NULL)
			send_tls_parts(s, parts, count);
		else
			send_plain_parts(s, parts, count);
		return;
	}
	for (int i = 0; i < count; i++)
		stream_queue_add(s, parts[i].iov_base, parts[i].iov_len);
}

void
stream_send(struct stream *s, const struct iovec *parts, int count)
{
	s->flags &= ~(uint32_t)S_MORE;
	send_all(s, parts, count);
}

void
stream_send_more(struct stream *s, const struct iovec *parts, int count)
{
	if (s->fd >= 0 && s->tls == NULL)
		stream_later(s, S_MORE);
	send_all(s, parts, count);
}

void
stream_send_last(struct stream *s, const struct iovec *parts, int count)
{
	s->flags &= ~(uint32_t)S_MORE;
	s->flags |= S_LAST;
	send_all(s, parts, count);
}

void
stream_push(struct stream *s)
{
	const int on = 1;

	s->flags &= ~(uint32_t)S_MORE;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
stream_finish(struct stream *s)
{
	if (s->fd < 0 || s->flags & (S_FAILED | S_FINISH))
		return;
	s->flags |= S_FINISH;
	if (s->pending == 0 && s->flags & S_OPEN)
		finish_now(s);
}

void
stream_tell_empty(struct stream *s)
{
	s->flags |= S_TELL_EMPTY;
	if (s->pending == 0)
		stream_later(s, S_TASK_DRAINED);
}
