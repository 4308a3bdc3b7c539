/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The frames of one HTTP/2 connection (RFC 9113), without its socket: bytes
 * that came are fed, bytes that are to go are taken, and streams tell their
 * owner what happens.  The only home of nghttp2.
 *
 * Callbacks come from h2_feed() and h2_take() alone.  All other calls only
 * leave marks, and may be made from inside a callback; h2_free() may not.
 *
 * What a peer may do to keep us busy is counted here (resets; frames that
 * move nothing), and answered with ENHANCE_YOUR_CALM when it is too much.
 */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include "base/buf.h"
#include "http/h1.h"

#define H2_PREFACE	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { H2_PREFACE_LEN = 24, H2_FRAME_MAX = 16 * 1024 + 9 };

enum h2_error {
	H2_NO_ERROR, H2_PROTOCOL_ERROR, H2_INTERNAL_ERROR,
	H2_FLOW_CONTROL_ERROR, H2_SETTINGS_TIMEOUT, H2_STREAM_CLOSED,
	H2_FRAME_SIZE_ERROR, H2_REFUSED_STREAM, H2_CANCEL,
	H2_COMPRESSION_ERROR, H2_CONNECT_ERROR, H2_ENHANCE_YOUR_CALM,
	H2_INADEQUATE_SECURITY,
};

struct h2;
struct h2_kit;

/* A stream, embedded in what its owner knows of it. */
struct h2_stream {
	struct h2	*h2;
	int32_t		 id;
	size_t		 waiting;	/* bytes that the owner has for it; tell
					   h2_more() when there are more */
	bool		 last;		/* no more will come: after these bytes
					   the stream's sending ends ... */
	struct slice	 trailers;	/* ... with these lines, if any */
	uint32_t	 window, passed;	/* private */
	bool		 closed;
	bool		 answered;	/* client: the final head came ... */
	bool		 unsent;	/* ... or the request did not even leave */
};

/* A request as it came in. */
struct h2_request {
	struct slice	 text;		/* for h1_read_request() */
	bool		 ended;		/* no body follows */
	bool		 tunnel;	/* an extended CONNECT: what follows are
					   the tunnel's bytes */
	/* Nothing else counts unless this is H1_OK: too large, or a CONNECT
	 * with a protocol that is not known (H1_BAD_UPGRADE). */
	enum h1_rule	 rule;
};

struct h2_ops {
	/* Whose stream this is from now on; NULL refuses it. */
	struct h2_stream *(*opened)(struct h2 *);
	/* What it asks; good during the call. */
	void	(*head)(struct h2_stream *, const struct h2_request *);
	/* Client: a head for h1_read_response(), interim ones too. */
	void	(*answer)(struct h2_stream *, struct slice text, bool ended);
	/* A piece of the body, to be h2_consume()d. */
	void	(*body)(struct h2_stream *, struct slice bytes);
	/* All of it came. */
	void	(*ended)(struct h2_stream *, struct slice trailers);
	/* The next len of the bytes that wait; they are sent then. */
	void	(*copy)(struct h2_stream *, char *to, size_t len);
	/* The end of the stream was sent: what of the body is still to come
	 * is not wanted. */
	void	(*sent)(struct h2_stream *);
	/* Once, and last.  H2_NO_ERROR: both sides ended it. */
	void	(*closed)(struct h2_stream *, enum h2_error error);
	/* The answer to h2_ping(). */
	void	(*ponged)(struct h2 *);
	/* 24 bytes for the Sec-WebSocket-Key of a tunnel. */
	struct slice (*key)(struct h2 *);
	/* What came breaks a rule of the RFC: its stream ends, or all of them.
	 * Both texts are static.  May be NULL. */
	void	(*malformed)(struct h2 *, const char *rule,
		    const char *sentence);
};

/* What is promised to the peer. */
struct h2_settings {
	uint32_t	 streams;	/* at a time */
	uint32_t	 window;	/* bytes of a stream's body on their way, */
	uint32_t	 window_most;	/* up to so many, if it always goes on */
	uint32_t	 connection_window;	/* ... of all streams' */
	uint32_t	 resets;	/* streams ended early, in ten seconds */
	uint32_t	 glitches;	/* frames that move nothing, likewise */
};

/* Sums over all connections of a kit. */
struct h2_counts {
	uint64_t	 resets, glitches, malformed, calmed;
};

/* What the connections of one thread share. */
struct h2_kit *h2_kit_new(const struct h2_ops *ops);
void h2_kit_free(struct h2_kit **kit);
const struct h2_counts *h2_kit_counts(const struct h2_kit *kit);

/* Whether a connection that begins so, with H1_METHOD_BEGUN bytes or more,
 * speaks HTTP/2. */
bool h2_preface_begun(struct slice bytes);
/* All that a server says which will not speak it: no stream is served.
 * sentence: for who looks into it. */
void h2_write_refusal(struct buf *out, enum h2_error error,
    struct slice sentence);

/* The server's side of a connection, preface included. */
struct h2 *h2_new(struct h2_kit *kit, void *owner,
    const struct h2_settings *settings);
/* The client's; resets and glitches are not counted. */
struct h2 *h2_new_client(struct h2_kit *kit, void *owner,
    const struct h2_settings *settings);
/* No callback comes of it: its streams are the owner's to end. */
void h2_free(struct h2 **h2);
void *h2_owner(const struct h2 *h2);

/* False: the connection is beyond repair; take what is left and leave. */
bool h2_feed(struct h2 *h2, struct slice bytes, uint64_t now_ms);

/* Adds frames to out until most bytes are there or nothing is left to say. */
void h2_take(struct h2 *h2, struct buf *out, size_t most);

/* Nothing will be said or heard any more. */
bool h2_is_done(const struct h2 *h2);
/* Part of a header section has come. */
bool h2_is_mid_head(const struct h2 *h2);

/* New promises for an open connection; streams that are there stay. */
void h2_change(struct h2 *h2, const struct h2_settings *settings);

/* --- a stream -------------------------------------------------------------- */

/* Client: begins s with a request as HTTP/1.1 has it. */
void h2_ask(struct h2 *h2, struct h2_stream *s, struct slice head, bool ended);
/* The server has not said that it is going. */
bool h2_takes_more(const struct h2 *h2);
/* How many streams the server allows at a time, as far as is known. */
unsigned h2_most_streams(const struct h2 *h2);

/* lines as h2_text_next() takes them.  ended: no body follows. */
void h2_answer(struct h2_stream *s, unsigned status, struct slice lines,
    bool ended);
void h2_inform(struct h2_stream *s, unsigned status, struct slice lines);
/* waiting or last has changed. */
void h2_more(struct h2_stream *s);
/* That much of its body has found its way: windows open again, the stream's
 * and the connection's, or one of them. */
void h2_consume(struct h2_stream *s, size_t len);
void h2_consume_stream(struct h2_stream *s, size_t len);
void h2_consume_connection(struct h2 *h2, size_t len);
/* Some of it had to wait: no larger window, for now. */
void h2_stall(struct h2_stream *s);
void h2_reset(struct h2_stream *s, enum h2_error error);

/* --- the end (RFC 9113 6.8) ------------------------------------------------- */

/* Says that the end is near; streams on their way are still taken. */
void h2_say_shutdown(struct h2 *h2);
void h2_ping(struct h2 *h2);
/* No further streams; those that are open go on. */
void h2_goaway(struct h2 *h2, enum h2_error error);

#endif
