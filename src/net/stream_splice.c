/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Large bodies from socket to socket by way of a pipe, so that their bytes
 * are neither copied nor seen.  A pipe is lent for one transfer and given
 * back as soon as it is empty, which with a client that keeps up is at once:
 * then one of them serves the whole loop.
 */
#include "net/stream_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "net/loop_private.h"

enum {
	PIPE_BYTES = 256 * 1024,
	PIPES_KEPT = 16,
	PIPES_MOST = 256,		/* lent by one loop: two descriptors each */
};

struct pipe {
	struct pipe	*next;
	int		 in, out;
	size_t		 held;		/* bytes in it */
};

/* --- pipes --------------------------------------------------------------- */

static struct pipe *
pipe_new(void)
{
	struct pipe *pipe;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	/* Refused to whoever has many: then it is small, and works. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	pipe = xmalloc(sizeof(*pipe));
	*pipe = (struct pipe){ .out = fds[0], .in = fds[1] };
	return pipe;
}

static void
pipe_free(struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
}

static struct pipe *
pipe_take(struct loop_private *p)
{
	struct pipe *pipe = p->pipes;

	if (p->pipes_out == PIPES_MOST)
		return NULL;
	if (pipe != NULL) {
		p->pipes = pipe->next;
		p->npipes--;
	} else if ((pipe = pipe_new()) == NULL) {
		return NULL;
	}
	p->pipes_out++;
	return pipe;
}

/* What is in it could only be thrown away by reading it: so is the pipe. */
static void
pipe_give(struct loop_private *p, struct pipe *pipe)
{
	p->pipes_out--;
	if (pipe->held > 0 || p->npipes == PIPES_KEPT) {
		pipe_free(pipe);
		return;
	}
	pipe->next = p->pipes;
	p->pipes = pipe;
	p->npipes++;
}

void
loop_free_pipes(struct loop_private *p)
{
	struct pipe *next;

	for (struct pipe *pipe = p->pipes; pipe != NULL; pipe = next) {
		next = pipe->next;
		pipe_free(pipe);
	}
}

/* --- the stream that is sent to ------------------------------------------ */

bool
stream_pipe_flush(struct stream *s)
{
	struct pipe *pipe = s->pipe;
	ssize_t n;

	while (pipe->held > 0) {
		n = splice(pipe->out, NULL, s->fd, NULL, pipe->held,
		    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n <= 0) {
			if (n == 0 || (errno != EAGAIN && errno != EINTR))
				stream_fail(s, STREAM_BROKEN);
			return false;
		}
		pipe->held -= (size_t)n;
		s->pending -= (size_t)n;
		s->sent += (uint64_t)n;
		s->sent_ms = s->loop->now_ms;
		s->flags &= ~(uint32_t)S_MORE;
	}
	s->pipe = NULL;
	pipe_give(s->loop->private, pipe);
	return true;
}

void
stream_pipe_drop(struct stream *s)
{
	if (s->pipe == NULL)
		return;
	s->pending -= s->pipe->held;
	pipe_give(s->loop->private, s->pipe);
	s->pipe = NULL;
}

/* --- from one to the other ----------------------------------------------- */

/* Only what keeps its order and its meaning: no TLS, nothing before it. */
static bool
can_splice(const struct stream *from, const struct stream *to)
{
	const uint32_t unfit = S_FAILED | S_ENDED;

	return from->tls == NULL && to->tls == NULL && from->fd >= 0 &&
	    to->fd >= 0 && !(from->flags & unfit) && to->pending == 0 &&
	    to->flags & S_OPEN && !(to->flags & (S_FAILED | S_FINISH));
}

/* Into the empty pipe; the answer for the owner of from. */
static ssize_t
fill(struct stream *from, struct pipe *pipe, size_t most)
{
	ssize_t n = splice(from->fd, NULL, pipe->in, NULL, most,
	    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n > 0) {
		pipe->held = (size_t)n;
		from->received += (uint64_t)n;
		return n;
	}
	if (n == 0) {
		from->flags |= S_ENDED;
		return 0;
	}
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return STREAM_AGAIN;
	case EINVAL:			/* a socket that cannot */
	case ENOMEM:
		return STREAM_CANNOT;
	default:
		stream_fail(from, STREAM_BROKEN);
		return STREAM_ERROR;
	}
}

ssize_t
stream_splice(struct stream *from, struct stream *to, size_t most)
{
	struct pipe *pipe;
	ssize_t n;

	if (!can_splice(from, to) ||
	    (pipe = pipe_take(to->loop->private)) == NULL)
		return STREAM_CANNOT;
	n = fill(from, pipe, most);
	if (n <= 0) {
		pipe_give(to->loop->private, pipe);
		return n;
	}
	to->pipe = pipe;
	to->pending = (size_t)n;
	to->sent_ms = to->loop->now_ms;
	stream_flush(to);
	if (to->pending > 0)
		to->flags |= S_TELL_EMPTY;
	return n;
}
