/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Sockets, and when the owner is called.  The read event is added once and
 * stays; the write event is there only while the socket is full.  Both are
 * left to fire once in vain rather than taken out and put back, since each
 * change is a system call.
 */
#include "net/stream_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/must.h"
#include "net/socket_call.h"

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
stop_reading(struct stream *s)
{
	if (!(s->flags & S_READING))
		return;
	s->flags &= ~(uint32_t)S_READING;
	event_del(&s->read_event);
}

static void on_read(evutil_socket_t fd, short what, void *arg);
static void on_write(evutil_socket_t fd, short what, void *arg);

void
stream_set_trigger(struct stream *s, short trigger)
{
	const uint32_t added = s->flags & (S_READING | S_WRITING);
	struct event_base *base = s->loop->base;

	stop_reading(s);
	stream_stop_writing(s);
	must(event_assign(&s->read_event, base, s->fd,
	    EV_READ | EV_PERSIST | trigger, on_read, s) == 0);
	must(event_assign(&s->write_event, base, s->fd,
	    EV_WRITE | EV_PERSIST | trigger, on_write, s) == 0);
	s->flags &= ~(uint32_t)S_EDGE;
	if (trigger != 0)
		s->flags |= S_EDGE;
	if (added & S_READING)
		stream_start_reading(s);
	if (added & S_WRITING)
		stream_start_writing(s);
}

void
stream_fail(struct stream *s, enum stream_end end)
{
	if (s->flags & S_FAILED)
		return;
	s->flags |= S_FAILED | (uint32_t)end << S_END_SHIFT;
	stream_later(s, S_TASK_FAIL);
}

/* --- receiving ----------------------------------------------------------- */

void
stream_take_no_more(struct stream *s)
{
	shutdown(s->fd, SHUT_RD);
}

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
			stream_later(s, S_TASK_READ);
	} else if (n == 0) {
		s->flags |= S_ENDED;
	} else if (n == STREAM_ERROR) {
		stream_fail(s, STREAM_BROKEN);
	}
	if (s->flags & S_READ_WANTS_WRITE)
		stream_start_writing(s);
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
	stream_start_reading(s);
	if (s->flags & S_EDGE && !(s->flags & S_ENDED))
		stream_set_trigger(s, 0);
	if (s->tls != NULL && stream_tls_has_more(s))
		stream_later(s, S_TASK_READ);
}

void
stream_watch(struct stream *s)
{
	s->flags |= S_WATCH;
}

bool
stream_has_failed(const struct stream *s)
{
	return s->flags & S_FAILED;
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
		stream_set_trigger(s, EV_ET);
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
		stream_open_step(s);
		return;
	}
	if (s->flags & S_WRITE_WANTS_READ) {
		s->flags &= ~(uint32_t)S_WRITE_WANTS_READ;
		stream_flush(s);
		stream_later(s, S_TASK_DRAINED);
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
	if (s->flags & (S_CONNECTING | S_HANDSHAKE)) {
		stream_open_step(s);
		return;
	}
	if (s->flags & S_READ_WANTS_WRITE) {
		s->flags &= ~(uint32_t)S_READ_WANTS_WRITE;
		stream_later(s, S_TASK_READ);
	}
	stream_flush(s);
	if (stream_owes_drained(s))
		s->ops->drained(s);
}

static void
tell_failed(struct stream *s)
{
	enum stream_end end = s->flags >> S_END_SHIFT;

	stop_reading(s);
	stream_stop_writing(s);
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
		stream_push(s);
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
		stream_connected(s);
	} else if (due == S_TASK_READ) {
		if (!(s->flags & (S_PAUSED | S_ENDED)) && s->flags & S_OPEN)
			s->ops->readable(s);
	} else if (due == S_TASK_DRAINED) {
		if (stream_owes_drained(s) || s->flags & S_FINISHED)
			s->ops->drained(s);
	}
}

/* --- birth and end ------------------------------------------------------- */

void
stream_init(struct stream *s, struct loop *loop, const struct stream_ops *ops)
{
	s->loop = loop;
	s->ops = ops;
	s->fd = -1;
	s->flags = 0;
	s->nfirst = 0;
	s->tls = NULL;
	s->queue = s->queue_tail = NULL;
	s->pipe = NULL;
	s->pending = 0;
	s->received = s->sent = s->sent_ms = 0;
	task_init(&s->task, on_task);
}

void
stream_close(struct stream *s)
{
	if (s->loop == NULL || s->flags & S_CLOSED)
		return;
	task_cancel(&s->task);
	stream_pipe_drop(s);
	stream_queue_drop(s);
	stream_tls_free(s);
	if (s->fd >= 0) {
		stop_reading(s);
		stream_stop_writing(s);
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
	stream_stop_writing(s);
	s->fd = -1;
	stream_close(s);
	return fd;
}

void
stream_local(const struct stream *s, struct endpoint *local)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(ss);

	if (s->fd < 0 || getsockname(s->fd, (struct sockaddr *)&ss, &len) < 0)
		ss.ss_family = AF_UNIX;
	endpoint_of_sockaddr(local, (struct sockaddr *)&ss);
}
