/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Sockets, queues and when the owner is called.  The read event is added once
 * and stays; the write event is there only while the socket is full.  Both
 * are left to fire once in vain rather than taken out and put back, since
 * each change is a system call.
 */
#include "net/stream_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/must.h"
#include "net/chunk.h"
#include "net/socket_call.h"

enum { QUEUE_PARTS = 16 };		/* chunks in one sendmsg */

static void on_task(struct task *task);

const char *
stream_end_name(enum stream_end end)
{
	switch (end) {
	case STREAM_REFUSED:
		return "connection refused";
	case STREAM_TLS_FAILED:
		return "TLS handshake failed";
	case STREAM_BROKEN:
		return "connection broken";
	case STREAM_NO_DESCRIPTORS:
		return "no descriptors left";
	}
	return "";
}

/* --- events in and out --------------------------------------------------- */

static void
start_reading(struct stream *s)
{
	if (s->flags & S_READING)
		return;
	s->flags |= S_READING;
	must(event_add(&s->read_event, NULL) == 0);
}

static void
stop_reading(struct stream *s)
{
	if (!(s->flags & S_READING))
		return;
	s->flags &= ~(uint32_t)S_READING;
	event_del(&s->read_event);
}

static void
start_writing(struct stream *s)
{
	if (s->flags & S_WRITING)
		return;
	s->flags |= S_WRITING;
	must(event_add(&s->write_event, NULL) == 0);
}

static void
stop_writing(struct stream *s)
{
	if (!(s->flags & S_WRITING))
		return;
	s->flags &= ~(uint32_t)S_WRITING;
	event_del(&s->write_event);
}

static void on_read(evutil_socket_t fd, short what, void *arg);
static void on_write(evutil_socket_t fd, short what, void *arg);

/* Both events, since libevent wants those of a descriptor to be of one kind:
 * EV_ET or 0. */
static void
set_trigger(struct stream *s, short trigger)
{
	const uint32_t added = s->flags & (S_READING | S_WRITING);
	struct event_base *base = s->loop->base;

	stop_reading(s);
	stop_writing(s);
	must(event_assign(&s->read_event, base, s->fd,
	    EV_READ | EV_PERSIST | trigger, on_read, s) == 0);
	must(event_assign(&s->write_event, base, s->fd,
	    EV_WRITE | EV_PERSIST | trigger, on_write, s) == 0);
	s->flags &= ~(uint32_t)S_EDGE;
	if (trigger != 0)
		s->flags |= S_EDGE;
	if (added & S_READING)
		start_reading(s);
	if (added & S_WRITING)
		start_writing(s);
}

static void
later(struct stream *s, enum stream_flag what)
{
	s->flags |= what;
	task_set(s->loop, &s->task);
}

void
stream_fail(struct stream *s, enum stream_end end)
{
	if (s->flags & S_FAILED)
		return;
	s->flags |= S_FAILED | (uint32_t)end << S_END_SHIFT;
	later(s, S_TASK_FAIL);
}

/* --- the queue ----------------------------------------------------------- */

static void
queue_add(struct stream *s, const char *bytes, size_t len)
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

static void
queue_drop(struct stream *s)
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
	const bool more = (s->flags & S_MORE) != 0;
	ssize_t n = count == 1 && !more ? socket_send(s->fd,
	    parts[0].iov_base, parts[0].iov_len) :
	    send_parts(s->fd, parts, count, more ? MSG_MORE : 0);

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
		start_writing(s);
		return;
	}
	shutdown(s->fd, SHUT_WR);
	s->flags |= S_FINISHED;
	stop_writing(s);
	later(s, S_TASK_DRAINED);
}

/* Whether the owner asked to hear of what has just been sent. */
static bool
owes_drained(struct stream *s)
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

/* As much of the queue as the socket takes; calls nobody. */
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
		start_writing(s);
	else if (s->flags & S_FINISH && !(s->flags & S_FINISHED))
		finish_now(s);
	else
		stop_writing(s);
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
		queue_add(s, (const char *)parts[i].iov_base + n,
		    len - (size_t)n);
		n = 0;
	}
	if (s->queue != NULL)
		start_writing(s);
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
		queue_add(s, p, len);
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
		queue_add(s, parts[i].iov_base, parts[i].iov_len);
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
		later(s, S_MORE);
	send_all(s, parts, count);
}

/* Nothing followed after all. */
static void
push(struct stream *s)
{
	const int on = 1;

	s->flags &= ~(uint32_t)S_MORE;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
stream_take_no_more(struct stream *s)
{
	shutdown(s->fd, SHUT_RD);
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
		later(s, S_TASK_DRAINED);
}

bool
stream_has_failed(const struct stream *s)
{
	return s->flags & S_FAILED;
}

/* --- receiving ----------------------------------------------------------- */

ssize_t
stream_read(struct stream *s, void *bytes, size_t cap)
{
	bool more = false;
	ssize_t n;

	/* After a failure to send, what the peer said before it left may still
	 * be there to be read: an early answer, most of all. */
	if (s->fd < 0 || (s->flags & S_FAILED && s->tls != NULL))
		return STREAM_ERROR;
	if (s->flags & S_ENDED)
		return 0;
	if (s->tls != NULL)
		n = stream_tls_read(s, bytes, cap, &more);
	else if ((n = socket_recv(s->fd, bytes, cap)) < 0)
		n = errno == EAGAIN || errno == EINTR ? STREAM_AGAIN :
		    STREAM_ERROR;
	if (n <= 0 && s->flags & S_FAILED)
		return STREAM_ERROR;	/* no orderly end any more */
	if (n > 0) {
		s->received += (uint64_t)n;
		if (more)
			later(s, S_TASK_READ);
	} else if (n == 0) {
		s->flags |= S_ENDED;
	} else if (n == STREAM_ERROR) {
		stream_fail(s, STREAM_BROKEN);
	}
	if (s->flags & S_READ_WANTS_WRITE)
		start_writing(s);
	return n;
}

size_t
stream_waiting(const struct stream *s)
{
	int n = 0;

	return ioctl(s->fd, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t)n;
}

void
stream_pause(struct stream *s)
{
	s->flags |= S_PAUSED;
}

void
stream_resume(struct stream *s)
{
	if (!(s->flags & S_PAUSED))
		return;
	s->flags &= ~(uint32_t)S_PAUSED;
	if (s->fd < 0 || !(s->flags & S_OPEN) || s->flags & S_FAILED)
		return;
	start_reading(s);
	if (s->flags & S_EDGE && !(s->flags & S_ENDED))
		set_trigger(s, 0);
	if (s->tls != NULL && stream_tls_has_more(s))
		later(s, S_TASK_READ);
}

void
stream_watch(struct stream *s)
{
	s->flags |= S_WATCH;
}

/* --- opening ------------------------------------------------------------- */

/* Bytes may have been queued meanwhile; and the peer's first ones may have
 * come with its last handshake message. */
static void
now_open(struct stream *s)
{
	s->flags |= S_OPEN;
	start_reading(s);
	stop_writing(s);
	if (s->queue != NULL || s->flags & S_FINISH)
		stream_flush(s);
	if (s->tls != NULL && stream_tls_has_more(s))
		later(s, S_TASK_READ);
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
		stop_writing(s);
		return;
	case TLS_STEP_WRITE:
		start_writing(s);
		return;
	case TLS_STEP_FAILED:
		stream_fail(s, STREAM_TLS_FAILED);
	}
}

/* A socket that has just connected takes a few hundred bytes at once. */
static bool
send_preface(struct stream *s)
{
	struct slice front = chunk_all(s->queue);

	must(front.len == s->pending);
	if (send(s->fd, front.p, front.len, MSG_NOSIGNAL) !=
	    (ssize_t)front.len)
		return false;
	queue_drop(s);
	s->flags &= ~(uint32_t)S_PREFACE;
	return true;
}

static void
connected(struct stream *s)
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
	start_reading(s);
	stop_writing(s);
	handshake(s);
}

static void
check_connected(struct stream *s)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ||
	    error != 0) {
		stop_writing(s);
		stream_fail(s, STREAM_REFUSED);
		return;
	}
	connected(s);
}

/* --- callbacks of libevent and of the loop ------------------------------- */

/*
 * The peer may end its sending and still wait for the answer (RFC 9112 9.6);
 * and what it sends may have to wait.  A level-triggered event would fire for
 * ever then; an edge-triggered one fires when the peer resets, or closes the
 * other way too.
 */
static void
check_departure(struct stream *s)
{
	struct pollfd p = { .fd = s->fd };

	/* When we have ended as well, hanging up is no news. */
	if (s->flags & S_FINISHED || !(s->flags & (S_ENDED | S_WATCH)))
		stop_reading(s);
	else if (!(s->flags & S_EDGE))
		set_trigger(s, EV_ET);
	else if (poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP))
		stream_fail(s, STREAM_BROKEN);
}

/* In each of these the owner's callback is the last thing, since it may close
 * and free the stream. */
static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	loop_wake(s->loop);
	if (s->flags & S_HANDSHAKE) {
		handshake(s);
		return;
	}
	if (s->flags & S_WRITE_WANTS_READ) {
		s->flags &= ~(uint32_t)S_WRITE_WANTS_READ;
		stream_flush(s);
		later(s, S_TASK_DRAINED);
	}
	if (s->flags & S_FAILED)
		stop_reading(s);
	else if (s->flags & (S_PAUSED | S_ENDED))
		check_departure(s);
	else
		s->ops->readable(s);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	loop_wake(s->loop);
	if (s->flags & S_CONNECTING) {
		check_connected(s);
		return;
	}
	if (s->flags & S_HANDSHAKE) {
		handshake(s);
		return;
	}
	if (s->flags & S_READ_WANTS_WRITE) {
		s->flags &= ~(uint32_t)S_READ_WANTS_WRITE;
		later(s, S_TASK_READ);
	}
	stream_flush(s);
	if (owes_drained(s))
		s->ops->drained(s);
}

static void
tell_failed(struct stream *s)
{
	enum stream_end end = s->flags >> S_END_SHIFT;

	stop_reading(s);
	stop_writing(s);
	s->ops->failed(s, end);
}

/* One callback a run: the stream may be gone after it. */
static void
on_task(struct task *task)
{
	struct stream *s = list_entry(task, struct stream, task);
	uint32_t due = s->flags & (S_TASK_OPEN | S_TASK_READ | S_TASK_DRAINED |
	    S_TASK_FAIL);

	if (s->flags & S_MORE)
		push(s);
	if (due & S_TASK_FAIL) {
		s->flags &= ~due;
		tell_failed(s);
		return;
	}
	due &= -due;			/* the lowest */
	s->flags &= ~due;
	if (s->flags & (S_TASK_READ | S_TASK_DRAINED))
		task_set(s->loop, task);
	if (due == S_TASK_OPEN) {
		connected(s);
	} else if (due == S_TASK_READ) {
		if (!(s->flags & (S_PAUSED | S_ENDED)) && s->flags & S_OPEN)
			s->ops->readable(s);
	} else if (due == S_TASK_DRAINED) {
		if (owes_drained(s) || s->flags & S_FINISHED)
			s->ops->drained(s);
	}
}

/* --- birth and end ------------------------------------------------------- */

static void
init(struct stream *s, struct loop *loop, const struct stream_ops *ops)
{
	s->loop = loop;
	s->ops = ops;
	s->fd = -1;
	s->flags = 0;
	s->tls = NULL;
	s->queue = s->queue_tail = NULL;
	s->pipe = NULL;
	s->pending = 0;
	s->received = s->sent = s->sent_ms = 0;
	task_init(&s->task, on_task);
}

static void
set_fd(struct stream *s, int fd)
{
	s->fd = fd;
	set_trigger(s, 0);
}

void
stream_accept(struct stream *s, struct loop *loop, int fd,
    struct tls_context *tls, const struct stream_ops *ops)
{
	init(s, loop, ops);
	set_fd(s, fd);
	if (tls == NULL)
		s->flags |= S_OPEN;
	else if (stream_tls_begin(s, tls, true))
		s->flags |= S_HANDSHAKE;
	else
		stream_fail(s, STREAM_TLS_FAILED);
	start_reading(s);
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
		later(s, S_TASK_OPEN);
	else if (errno == EINPROGRESS)
		start_writing(s);
	else
		stream_fail(s, STREAM_REFUSED);
	return true;
}

void
stream_connect(struct stream *s, struct loop *loop, const struct endpoint *to,
    struct tls_context *tls, const struct stream_ops *ops)
{
	init(s, loop, ops);
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
	queue_add(s, bytes.p, bytes.len);
	s->flags |= S_PREFACE;
}

void
stream_close(struct stream *s)
{
	if (s->loop == NULL || s->flags & S_CLOSED)
		return;
	task_cancel(&s->task);
	stream_pipe_drop(s);
	queue_drop(s);
	stream_tls_free(s);
	if (s->fd >= 0) {
		stop_reading(s);
		stop_writing(s);
		close(s->fd);
	}
	s->fd = -1;
	s->flags = S_CLOSED | S_FAILED;
}

void
stream_cut(struct stream *s)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (s->loop != NULL && s->fd >= 0)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once,
		    sizeof(at_once));
	stream_close(s);
}

int
stream_release(struct stream *s)
{
	int fd = s->fd;

	must(fd >= 0 && s->tls == NULL && s->pending == 0);
	stop_reading(s);
	stop_writing(s);
	s->fd = -1;
	stream_close(s);
	return fd;
}

static void
ask_name(const struct stream *s, struct endpoint *e,
    int (*ask)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(ss);

	if (s->fd < 0 || ask(s->fd, (struct sockaddr *)&ss, &len) < 0)
		ss.ss_family = AF_UNIX;
	endpoint_of_sockaddr(e, (struct sockaddr *)&ss);
}

void
stream_peer(const struct stream *s, struct endpoint *peer)
{
	ask_name(s, peer, getpeername);
}

void
stream_local(const struct stream *s, struct endpoint *local)
{
	ask_name(s, local, getsockname);
}
