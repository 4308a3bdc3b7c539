/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Between stream.c (sockets, callbacks), stream_open.c (until bytes may go both
 * ways), stream_send.c (what goes out), stream_tls.c (OpenSSL) and
 * stream_splice.c (pipes).
 */
#ifndef NET_STREAM_PRIVATE_H
#define NET_STREAM_PRIVATE_H

#include <sys/socket.h>

#include "base/must.h"
#include "net/stream.h"

enum stream_flag {
	S_CONNECTING	= 1 << 0,
	S_HANDSHAKE	= 1 << 1,	/* TLS, not done yet */
	S_OPEN		= 1 << 2,	/* bytes may go both ways */
	S_FAILED	= 1 << 3,	/* none goes any more */
	S_PAUSED	= 1 << 4,	/* by the owner */
	S_READING	= 1 << 5,	/* read_event is added */
	S_WRITING	= 1 << 6,	/* write_event is added */
	S_ABOVE		= 1 << 7,	/* the queue has been above STREAM_HIGH */
	S_FINISH	= 1 << 8,	/* end our sending when the queue is empty */
	S_FINISHED	= 1 << 9,	/* ... done */
	S_ENDED		= 1 << 10,	/* the peer has ended its sending */
	S_EDGE		= 1 << 11,	/* the events are edge-triggered */
	S_TELL_EMPTY	= 1 << 12,
	/* TLS: an operation waits for the other direction of the socket */
	S_READ_WANTS_WRITE = 1 << 13,
	S_WRITE_WANTS_READ = 1 << 14,
	/* what the task is to do */
	S_TASK_OPEN	= 1 << 15,
	S_TASK_READ	= 1 << 16,
	S_TASK_DRAINED	= 1 << 17,
	S_TASK_FAIL	= 1 << 18,
	S_CLOSED	= 1 << 19,
	S_WATCH		= 1 << 20,	/* stream_watch() */
	S_PREFACE	= 1 << 21,	/* the queue goes out before TLS */
	S_MORE		= 1 << 22,	/* what was sent last may still wait for
					   what follows: a task of this turn
					   sees to it that it goes */
	S_LAST		= 1 << 23,	/* ... for the end, which comes */
	/* enum stream_end of the failure */
	S_END_SHIFT	= 24,
};

/* As a flag of send(). */
static inline int
stream_more(const struct stream *s)
{
	return s->flags & (S_MORE | S_LAST) ? MSG_MORE : 0;
}

/* The write event is there only while the socket is full. */
static inline void
stream_start_writing(struct stream *s)
{
	if (s->flags & S_WRITING)
		return;
	s->flags |= S_WRITING;
	must(event_add(&s->write_event, NULL) == 0);
}

static inline void
stream_stop_writing(struct stream *s)
{
	if (!(s->flags & S_WRITING))
		return;
	s->flags &= ~(uint32_t)S_WRITING;
	event_del(&s->write_event);
}

static inline void
stream_start_reading(struct stream *s)
{
	if (s->flags & S_READING)
		return;
	s->flags |= S_READING;
	must(event_add(&s->read_event, NULL) == 0);
}

/* A callback is due: the task will see to it. */
static inline void
stream_later(struct stream *s, enum stream_flag what)
{
	s->flags |= what;
	task_set(s->loop, &s->task);
}

/* --- stream.c --- */

void stream_init(struct stream *s, struct loop *loop,
    const struct stream_ops *ops);
/* Both events of s->fd, since libevent wants those of a descriptor to be of one
 * kind: EV_ET or 0. */
void stream_set_trigger(struct stream *s, short trigger);
/* failed() will come from the loop. */
void stream_fail(struct stream *s, enum stream_end end);

/* --- stream_open.c --- */

/* Of S_CONNECTING or S_HANDSHAKE: the socket is ready for the next.  The owner's
 * opened() is the last thing in it, and in the other. */
void stream_open_step(struct stream *s);
void stream_connected(struct stream *s);

/* --- stream_send.c --- */

/* As much of what waits as the socket takes; calls nobody. */
void stream_flush(struct stream *s);
void stream_queue_add(struct stream *s, const char *bytes, size_t len);
void stream_queue_drop(struct stream *s);
/* Whether the owner asked to hear of what has just been sent. */
bool stream_owes_drained(struct stream *s);
/* Nothing followed what might have waited for it. */
void stream_push(struct stream *s);

/* stream_splice.c: sends what the pipe holds.  True if that was all of it:
 * then the pipe has gone. */
bool stream_pipe_flush(struct stream *s);
void stream_pipe_drop(struct stream *s);

enum tls_step { TLS_STEP_DONE, TLS_STEP_READ, TLS_STEP_WRITE, TLS_STEP_FAILED };

/* One SSL_write makes one record of at most this many bytes. */
enum { TLS_RECORD = 16 * 1024 };

/* stream_bio.c: the socket, as OpenSSL is to use it; NULL: no memory. */
struct bio_st *stream_bio(struct stream *s);

/* False when OpenSSL has no memory or no use for the context. */
bool stream_tls_begin(struct stream *s, struct tls_context *tls, bool server);
enum tls_step stream_tls_handshake(struct stream *s);

/* As stream_read(); sets S_READ_WANTS_WRITE where that is so, and *more where
 * another read will bring something that no event tells of. */
ssize_t stream_tls_read(struct stream *s, void *bytes, size_t cap, bool *more);
/* Whether bytes wait inside OpenSSL, which no event will tell. */
bool stream_tls_has_more(const struct stream *s);

/*
 * At most one record.  After STREAM_AGAIN (S_WRITE_WANTS_READ may be set) the
 * next call must bring the same bytes, maybe with more behind them.
 */
ssize_t stream_tls_write(struct stream *s, const void *bytes, size_t len);

/* close_notify; false if the socket does not take it now. */
bool stream_tls_finish(struct stream *s);
void stream_tls_free(struct stream *s);

#endif
