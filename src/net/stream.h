/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A connected byte stream, plain or TLS behind one interface, embedded in
 * the struct that owns it.  Non-blocking; callbacks come from the loop only,
 * never from inside a call, and none comes after stream_close().
 *
 * What the socket does not take at once is queued; the owner looks at
 * stream_pending() and stops whoever feeds it above STREAM_HIGH until
 * drained() is called.  Queue memory is lent by the loop and given back as
 * soon as the queue is empty, so an idle stream owns no buffer.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/endpoint.h"
#include "base/slice.h"
#include "net/loop.h"
#include "net/tls.h"

enum { STREAM_HIGH = 64 * 1024, STREAM_LOW = 16 * 1024 };

enum { STREAM_FIRST = 5 };		/* bytes: the head of a TLS record */

struct pipe;
struct stream;

enum stream_end {
	STREAM_REFUSED,			/* connect failed */
	STREAM_TLS_FAILED,		/* handshake or certificate */
	STREAM_BROKEN,			/* reset, or an error of the socket */
	STREAM_NO_DESCRIPTORS,		/* EMFILE, ENFILE */
};

/* For logs: "connection refused", ... */
const char *stream_end_name(enum stream_end end);

struct stream_ops {
	/* Connected (and the handshake done): once, for connect and for an
	 * accepted TLS stream; an accepted plain one begins readable. */
	void	(*opened)(struct stream *);
	void	(*readable)(struct stream *);
	void	(*drained)(struct stream *);	/* fell to STREAM_LOW or below
						   after having been above HIGH, or
						   became empty after stream_finish */
	void	(*failed)(struct stream *, enum stream_end);	/* once */
};

struct stream {
	struct loop	*loop;
	const struct stream_ops *ops;
	struct event	 read_event, write_event;
	struct task	 task;		/* private: callbacks that must wait */
	int		 fd;		/* -1: closed */
	uint32_t	 flags;		/* private */
	uint8_t		 nfirst;	/* private: of first */
	char		 first[STREAM_FIRST];	/* private: came before TLS */
	void		*tls;		/* private: SSL */
	struct chunk	*queue, *queue_tail;	/* private */
	struct pipe	*pipe;		/* private: before the queue */
	size_t		 pending;	/* bytes in pipe and queue */
	uint64_t	 received, sent;	/* bytes that the owner got, and that
						   the socket took (TLS: before
						   encryption) */
	uint64_t	 sent_ms;	/* when the socket took some last, or the
					   queue began: for send timeouts */
	const char	*refusal;	/* why a handshake failed, static text */
};

/* fd is non-blocking and becomes the stream's.  tls NULL: plain. */
void stream_accept(struct stream *s, struct loop *loop, int fd,
    struct tls_context *tls, const struct stream_ops *ops);

/*
 * An accepted plain stream, of which only what comes before TLS was read:
 * opened() or failed() follows.  False when OpenSSL has no memory.
 */
bool stream_start_tls(struct stream *s, struct tls_context *tls);

/*
 * During failed() with STREAM_TLS_FAILED: the first bytes that came where a
 * handshake was to begin, at most STREAM_FIRST.  Empty for a stream that
 * connected, and where clients must show a certificate: who shows none hears
 * nothing.
 */
struct slice stream_first(const struct stream *s);

/*
 * After that, if they are no TLS and an answer in plain text will be
 * understood: the stream is open and plain from now on; what came is gone.
 */
void stream_turn_plain(struct stream *s);

/* to must not be an ENDPOINT_NAME.  Failure comes through failed(). */
void stream_connect(struct stream *s, struct loop *loop,
    const struct endpoint *to, struct tls_context *tls,
    const struct stream_ops *ops);

/* What goes out before all else, TLS included: at once after stream_connect();
 * copied.  Nothing may be sent besides until opened(). */
void stream_preface(struct stream *s, struct slice bytes);

enum { STREAM_AGAIN = -1, STREAM_ERROR = -2 };

/* Bytes read, 0 at the peer's end of sending, or one of the two above.
 * A read shorter than cap has drained the socket (plain streams); readable()
 * comes again while anything is left.  After 0 there is no more readable(),
 * but failed() once the peer has gone altogether (reset, closed both ways).
 * After STREAM_ERROR failed() follows from the loop, unless closed first.
 * TLS: an end without close_notify is STREAM_ERROR. */
ssize_t stream_read(struct stream *s, void *bytes, size_t cap);

/* The same of a plain stream, but what is there stays to be read: by the next
 * read, or by TLS once that is started.  No failed() follows an error. */
ssize_t stream_peek(struct stream *s, void *bytes, size_t cap);

/* Whether this turn's look at the sockets has found something to read, or an
 * end, that the owner is about to be told. */
static inline bool
stream_has_news(const struct stream *s)
{
	return (s->read_event.ev_evcallback.evcb_flags & EVLIST_ACTIVE) != 0;
}

/* Bytes that have come and were not read, of a plain stream. */
size_t stream_waiting(const struct stream *s);

/*
 * After a peek at have bytes that were too few: readable() comes when there are
 * more, or when the peer has ended its sending.  False if that is so already.
 * have 0: as usual again, which is due before anything is read.  TCP only:
 * on a UNIX socket readable() comes all the time.
 */
bool stream_await(struct stream *s, size_t have);

/* The socket itself, of a plain stream with nothing queued; it is over, as
 * after stream_close(). */
int stream_release(struct stream *s);

/* Takes all of it: writes what fits, queues the rest.  Failures are
 * reported by failed() later. */
void stream_send(struct stream *s, const struct iovec *parts, int count);

/* The same, but more follows in this turn: what does not fill a packet waits
 * for it, to the end of the turn at most. */
void stream_send_more(struct stream *s, const struct iovec *parts, int count);

/* The same, and nothing follows but the end: what does not fill a packet waits
 * for it, so that both go in one.  stream_finish() or stream_close() must be
 * called in this turn, or as soon as nothing is pending. */
void stream_send_last(struct stream *s, const struct iovec *parts, int count);

/*
 * Moves up to most bytes from one stream to another inside the kernel: three
 * fifths of the price of reading and sending them.  Returns as stream_read()
 * does for from, or STREAM_CANNOT, with nothing moved: one of them is TLS, or
 * something waits in to already, or descriptors are short; then the bytes
 * have to be read.  What to does not take at once counts as pending, and its
 * drained() comes when nothing waits any more: until then move no more.
 */
enum { STREAM_CANNOT = -3 };
ssize_t stream_splice(struct stream *from, struct stream *to, size_t most);

static inline size_t
stream_pending(const struct stream *s)
{
	return s->pending;
}

/* failed() has come or will: what is sent goes nowhere. */
bool stream_has_failed(const struct stream *s);

/* drained() also comes once, from the loop, when nothing waits any more. */
void stream_tell_empty(struct stream *s);

/* Back-pressure towards the peer: no more readable() until resumed.  Nor is
 * its leaving noticed until then, unless something is sent ... */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* ... or this was called once: then failed() comes during a pause as well
 * when the peer has gone altogether, though bytes of its may be unread. */
void stream_watch(struct stream *s);

/*
 * Whoever stands at the other end of a plain UNIX socket cannot send any more:
 * an attempt fails with nothing taken.  What has arrived can still be read.
 * (TCP has no such thing: there, bytes on the way would be lost.)
 */
void stream_take_no_more(struct stream *s);

/* End of our sending once the queue is empty (shutdown, close_notify). */
void stream_finish(struct stream *s);

/* At once; queued bytes are lost.  Twice does no harm, nor does a zeroed
 * struct that never was a stream. */
void stream_close(struct stream *s);

/* The same, but so that the peer cannot take it for a proper end: a reset on
 * TCP, no close_notify on TLS. */
void stream_cut(struct stream *s);

bool stream_is_tls(const struct stream *s);
/* What the peer connected to. */
void stream_local(const struct stream *s, struct endpoint *local);

/* SNI the client sent, or an empty slice. */
struct slice stream_server_name(const struct stream *s);

/* The protocol agreed upon (ALPN): "h2", "http/1.1"; empty if there was none
 * to agree upon.  Good while the stream is. */
struct slice stream_alpn(const struct stream *s);

/* Offers HTTP/2, then HTTP/1.1, in place of what the context does: right after
 * stream_connect(), where some connections of a context shall. */
void stream_offer_h2(struct stream *s);

/*
 * The region a verified peer certificate names: a URI SAN
 * "portolan:region:GB".  False if there is no certificate or no such name.
 */
enum { STREAM_REGION_MAX = 16 };
bool stream_peer_region(const struct stream *s, char id[STREAM_REGION_MAX]);

#endif
