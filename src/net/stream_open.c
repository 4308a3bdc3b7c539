/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How a stream begins, and the way to where bytes may go both ways: connected,
 * what goes before TLS sent, hands shaken.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net/chunk.h"
#include "net/stream_private.h"

/* --- open ---------------------------------------------------------------- */

/* Bytes may have been queued meanwhile; and the peer's first ones may have
 * come with its last handshake message. */
static void
now_open(struct stream *s)
{
	s->flags |= S_OPEN;
	stream_start_reading(s);
	stream_stop_writing(s);
	if (s->queue != NULL || s->flags & S_FINISH)
		stream_flush(s);
	if (s->tls != NULL && stream_tls_has_more(s)) {
		s->flags &= ~(uint32_t)S_MORE;
		stream_later(s, S_TASK_READ);
	} else if (s->flags & S_MORE) {
		stream_push(s);
	}
	s->ops->opened(s);
}

static void
handshake(struct stream *s)
{
	switch (stream_tls_handshake(s)) {
	case TLS_STEP_DONE:
		s->flags &= ~(uint32_t)S_HANDSHAKE;
		now_open(s);
		return;
	case TLS_STEP_READ:
		stream_stop_writing(s);
		return;
	case TLS_STEP_WRITE:
		stream_start_writing(s);
		return;
	case TLS_STEP_FAILED:
		stream_fail(s, STREAM_TLS_FAILED);
	}
}

void
stream_turn_plain(struct stream *s)
{
	must(s->flags & S_FAILED && stream_first(s).len > 0);
	stream_tls_free(s);
	s->flags &= S_WATCH | S_EDGE;
	s->flags |= S_OPEN;
	stream_start_reading(s);
}

/* --- connecting ---------------------------------------------------------- */

/* A socket that has just connected takes a few hundred bytes at once. */
static bool
send_preface(struct stream *s)
{
	struct slice front = chunk_all(s->queue);

	must(front.len == s->pending);
	if (send(s->fd, front.p, front.len, MSG_NOSIGNAL) !=
	    (ssize_t)front.len)
		return false;
	stream_queue_drop(s);
	s->flags &= ~(uint32_t)S_PREFACE;
	return true;
}

void
stream_connected(struct stream *s)
{
	s->flags &= ~(uint32_t)S_CONNECTING;
	if (s->flags & S_PREFACE && !send_preface(s)) {
		stream_fail(s, STREAM_BROKEN);
		return;
	}
	if (s->tls == NULL) {
		now_open(s);
		return;
	}
	s->flags |= S_HANDSHAKE;
	stream_start_reading(s);
	stream_stop_writing(s);
	handshake(s);
}

static void
check_connected(struct stream *s)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ||
	    error != 0) {
		stream_stop_writing(s);
		stream_fail(s, STREAM_REFUSED);
		return;
	}
	stream_connected(s);
}

void
stream_open_step(struct stream *s)
{
	if (s->flags & S_CONNECTING)
		check_connected(s);
	else
		handshake(s);
}

/* --- birth --------------------------------------------------------------- */

static void
set_fd(struct stream *s, int fd)
{
	s->fd = fd;
	stream_set_trigger(s, 0);
}

void
stream_accept(struct stream *s, struct loop *loop, int fd,
    struct tls_context *tls, const struct stream_ops *ops)
{
	stream_init(s, loop, ops);
	set_fd(s, fd);
	if (tls == NULL)
		s->flags |= S_OPEN;
	else if (stream_tls_begin(s, tls, true))
		s->flags |= S_HANDSHAKE;
	else
		stream_fail(s, STREAM_TLS_FAILED);
	stream_start_reading(s);
}

/* A socket that begins to connect, or a failure for later. */
static bool
begin_connect(struct stream *s, const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_sockaddr(to, &ss);
	const int on = 1;
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);

	if (fd < 0) {
		stream_fail(s, errno == EMFILE || errno == ENFILE ?
		    STREAM_NO_DESCRIPTORS : STREAM_REFUSED);
		return false;
	}
	set_fd(s, fd);
	if (ss.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		stream_later(s, S_TASK_OPEN);
	else if (errno == EINPROGRESS)
		stream_start_writing(s);
	else
		stream_fail(s, STREAM_REFUSED);
	return true;
}

void
stream_connect(struct stream *s, struct loop *loop, const struct endpoint *to,
    struct tls_context *tls, const struct stream_ops *ops)
{
	stream_init(s, loop, ops);
	s->flags |= S_CONNECTING;
	if (begin_connect(s, to) && tls != NULL &&
	    !stream_tls_begin(s, tls, false))
		stream_fail(s, STREAM_TLS_FAILED);
}

void
stream_preface(struct stream *s, struct slice bytes)
{
	must(s->flags & S_CONNECTING && s->pending == 0 && bytes.len > 0);
	if (s->flags & S_FAILED)
		return;
	stream_queue_add(s, bytes.p, bytes.len);
	s->flags |= S_PREFACE;
}
