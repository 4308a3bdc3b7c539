/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the files of the HTTP/2 session share; nobody else includes it.
 */
#ifndef HTTP_H2_PRIVATE_H
#define HTTP_H2_PRIVATE_H

#include <nghttp2/nghttp2.h>

#include "base/must.h"
#include "http/h2.h"
#include "http/h2_text.h"

enum { TINY_FRAME = 64 };		/* bytes of DATA that earn no credit */

/* Small blocks that were given back, by size; see h2_memory.c. */
enum { H2_SPARE_SIZES = 32 };
struct h2_memory {
	nghttp2_mem	 mem;
	size_t		 spare_bytes;
	struct h2_block	*spare[H2_SPARE_SIZES];
};

struct h2_kit {
	const struct h2_ops *ops;
	struct h2_memory memory;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option	*option;
	struct buf	 lower;		/* names on their way out */
	struct buf	 spare;		/* a header section's, while there is
					   none */
	struct h2_counts counts;
};

struct h2 {
	struct h2_kit	*kit;
	void		*owner;
	nghttp2_session	*session;
	struct h2_settings settings;
	struct h2_text	 text;
	struct buf	*out;		/* during h2_take() ... */
	size_t		 most;		/* ... which fills it so far */
	uint64_t	 now_ms;
	uint64_t	 calm_ms;	/* when the two below were leaked last */
	uint32_t	 resets, glitches;
	uint32_t	*recent;	/* streams closed last, RECENT of them */
	unsigned	 nrecent;
	int32_t		 reset_id;	/* that we reset last */
	int32_t		 last_id;	/* the latest to begin */
	uint8_t		 preface_left;	/* bytes of what comes first */
	uint8_t		 nhead;		/* of a frame's head, so far */
	uint8_t		 head[9];
	uint8_t		 depends_left;	/* bytes of a PRIORITY's dependency */
	uint32_t	 frame_left;	/* of the current frame's bytes */
	bool		 client;
	bool		 mid_head;
	bool		 ended;		/* GOAWAY for good, or an error */
};

/* Every one of them fails for want of memory alone, or because the stream or
 * the connection is on its end already, which its callbacks tell. */
static inline void
submitted(int result)
{
	must(result != NGHTTP2_ERR_NOMEM);
}

static inline struct h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* h2_receive.c and h2_send.c: what is done about frames that come, and go. */
void h2_receive_by(nghttp2_session_callbacks *cb);
void h2_send_by(nghttp2_session_callbacks *cb);

/* h2_memory.c: of all sessions of a kit, which it must outlive. */
void h2_memory_init(struct h2_memory *memory);
void h2_memory_fini(struct h2_memory *memory);

/* --- h2_look.c: what a peer does to keep us busy ------------------------------ */

/*
 * How many bytes from the front belong to one frame, or to its head as far as
 * it came; a head that is whole now has been looked at.
 */
size_t h2_next_part(struct h2 *h2, struct slice bytes);

/* A stream is no more; it may still be spoken of. */
void h2_remember(struct h2 *h2, int32_t id, uint32_t error);

/* A stream ended early, by the peer or because of it. */
void h2_count_reset(struct h2 *h2);
/* Whoever moves something may say something about it. */
void h2_forgive_glitch(struct h2 *h2, unsigned times);

/* GOAWAY, and nothing is heard any more. */
void h2_end(struct h2 *h2, enum h2_error error);

#endif
