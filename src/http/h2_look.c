/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Each frame is looked at before nghttp2 reads it: what moves nothing is
 * counted, and so are streams that end early; what comes on a stream that is
 * no more is answered as the RFC wants it.
 */
#include "base/arena.h"
#include "http/h2_private.h"

enum {
	CALM_MS = 10000,		/* in which a budget is earned again */
	RECENT = 64,			/* closed streams that are remembered */
};

/* What became of a stream that is no more. */
enum closed {
	CLOSED_LONG_AGO,		/* or it never was */
	CLOSED_BY_PEER,			/* with RST_STREAM */
	CLOSED_WHOLE,			/* the peer had ended it */
	CLOSED_BY_US,			/* with RST_STREAM */
	CLOSED_MASK = 3
};

/* --- patience ------------------------------------------------------------- */

void
h2_end(struct h2 *h2, enum h2_error error)
{
	if (h2->ended)
		return;
	h2->ended = true;
	submitted(nghttp2_session_terminate_session(h2->session, error));
}

static uint32_t
leak(uint32_t count, uint32_t most, uint64_t elapsed_ms)
{
	uint64_t less = elapsed_ms >= CALM_MS ? count :
	    (uint64_t)most * elapsed_ms / CALM_MS;

	return count > less ? count - (uint32_t)less : 0;
}

/* False when there were too many of them in too short a time. */
static void
count_against(struct h2 *h2, uint32_t *count, uint32_t most)
{
	uint64_t elapsed_ms = h2->now_ms - h2->calm_ms;

	if (h2->client)
		return;			/* a server that we chose */
	if (elapsed_ms >= 100) {
		h2->resets = leak(h2->resets, h2->settings.resets, elapsed_ms);
		h2->glitches = leak(h2->glitches, h2->settings.glitches,
		    elapsed_ms);
		h2->calm_ms = h2->now_ms;
	}
	if (++*count <= most || h2->ended)
		return;
	h2->kit->counts.calmed++;
	h2_end(h2, H2_ENHANCE_YOUR_CALM);
}

void
h2_count_reset(struct h2 *h2)
{
	h2->kit->counts.resets++;
	count_against(h2, &h2->resets, h2->settings.resets);
}

static void
count_glitch(struct h2 *h2)
{
	h2->kit->counts.glitches++;
	count_against(h2, &h2->glitches, h2->settings.glitches);
}

/* Whoever moves something may say something about it. */
void
h2_forgive_glitch(struct h2 *h2, unsigned times)
{
	h2->glitches -= h2->glitches < times ? h2->glitches : times;
}

/* --- streams that are no more ------------------------------------------------ */

/* A client's streams have odd numbers: two bits are left beside the half. */
static uint32_t
remembered_as(int32_t id, enum closed how)
{
	return (uint32_t)id / 2 << 2 | how;
}

static enum closed
recall(const struct h2 *h2, int32_t id)
{
	uint32_t any = remembered_as(id, 0);

	for (unsigned i = 0; h2->recent != NULL && i < RECENT; i++)
		if ((h2->recent[i] & ~(uint32_t)CLOSED_MASK) == any &&
		    h2->recent[i] != any)
			return h2->recent[i] & CLOSED_MASK;
	return CLOSED_LONG_AGO;
}

void
h2_remember(struct h2 *h2, int32_t id, uint32_t error)
{
	if (h2->recent == NULL)
		h2->recent = xcalloc(RECENT, sizeof(*h2->recent));
	h2->recent[h2->nrecent++ % RECENT] = remembered_as(id,
	    h2->reset_id == id ? CLOSED_BY_US :
	    error == NGHTTP2_NO_ERROR ? CLOSED_WHOLE : CLOSED_BY_PEER);
}

/*
 * RFC 9113 5.1, "closed": what comes on a stream that we reset may have been
 * on its way; on one that the client reset it is an error of that stream, on
 * one that it ended of the whole connection, and so is a stream that should
 * have begun before another (5.1.1).
 */
static void
check_closed(struct h2 *h2, const nghttp2_frame_hd *hd)
{
	if (h2->client || hd->stream_id % 2 == 0 || h2->mid_head ||
	    hd->stream_id > h2->last_id ||
	    nghttp2_session_find_stream(h2->session, hd->stream_id) != NULL)
		return;
	switch (recall(h2, hd->stream_id)) {
	case CLOSED_LONG_AGO:
		if (hd->type == NGHTTP2_HEADERS) {
			h2_end(h2, H2_PROTOCOL_ERROR);
			break;
		}
		/* FALLTHROUGH */
	case CLOSED_BY_PEER:
		submitted(nghttp2_submit_rst_stream(h2->session,
		    NGHTTP2_FLAG_NONE, hd->stream_id,
		    NGHTTP2_STREAM_CLOSED));
		break;
	case CLOSED_WHOLE:
		h2_end(h2, H2_STREAM_CLOSED);
		break;
	default:
		break;
	}
}

/*
 * Looks at each frame before nghttp2 does, which keeps those to itself that
 * it passes over.
 */
static void
on_begin_frame(struct h2 *h2, const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_HEADERS:
		check_closed(h2, hd);
		h2_forgive_glitch(h2, 2);
		break;
	case NGHTTP2_DATA:
		check_closed(h2, hd);
		if (hd->length >= TINY_FRAME)
			h2_forgive_glitch(h2, 1);
		else if (hd->length == 0 &&
		    !(hd->flags & NGHTTP2_FLAG_END_STREAM))
			count_glitch(h2);
		break;
	case NGHTTP2_RST_STREAM:
		/* One that ends something counts as that. */
		if (nghttp2_session_find_stream(h2->session,
		    hd->stream_id) == NULL)
			count_glitch(h2);
		break;
	case NGHTTP2_PRIORITY:
		if (hd->stream_id == 0)
			h2_end(h2, H2_PROTOCOL_ERROR);
		else if (hd->length == 5)
			h2->depends_left = 4;
		count_glitch(h2);
		break;
	default:
		count_glitch(h2);
		break;
	}
}

/*
 * Priorities are not followed, and nghttp2 does not read them; but no stream
 * depends on itself (RFC 7540 5.3.1).  The number takes the place of what is
 * known of the frame's head by now, but for its stream.
 */
static void
look_at_priority(struct h2 *h2, struct slice payload)
{
	static const uint8_t number[4] = { 0x7f, 0xff, 0xff, 0xff };
	bool same = true;

	for (size_t i = 0; i < payload.len && h2->depends_left > 0; i++)
		h2->head[4 - h2->depends_left--] = (uint8_t)payload.p[i];
	if (h2->depends_left > 0)
		return;
	for (size_t i = 0; i < sizeof(number); i++)
		same &= ((h2->head[i] ^ h2->head[5 + i]) & number[i]) == 0;
	if (same)
		h2_end(h2, H2_PROTOCOL_ERROR);
}

/* How many bytes from the front belong to one frame, or to its head as far as
 * it came; a head that is whole now has been looked at. */
size_t
h2_next_part(struct h2 *h2, struct slice bytes)
{
	size_t n = 0;

	if (h2->preface_left > 0) {
		n = bytes.len < h2->preface_left ? bytes.len :
		    h2->preface_left;
		h2->preface_left -= (uint8_t)n;
		return n;
	}
	if (h2->frame_left == 0) {
		while (n < bytes.len && h2->nhead < sizeof(h2->head))
			h2->head[h2->nhead++] = (uint8_t)bytes.p[n++];
		if (h2->nhead < sizeof(h2->head))
			return n;
		h2->nhead = 0;
		h2->frame_left = (uint32_t)(h2->head[0] << 16 |
		    h2->head[1] << 8 | h2->head[2]);
		on_begin_frame(h2, &(nghttp2_frame_hd){ h2->frame_left,
		    (int32_t)((uint32_t)(h2->head[5] & 0x7f) << 24 |
		    h2->head[6] << 16 | h2->head[7] << 8 | h2->head[8]),
		    h2->head[3], h2->head[4], 0 });
	}
	if (h2->depends_left > 0)
		look_at_priority(h2, (struct slice){ bytes.p + n,
		    bytes.len - n });
	if (bytes.len - n < h2->frame_left) {
		h2->frame_left -= (uint32_t)(bytes.len - n);
		return bytes.len;
	}
	n += h2->frame_left;
	h2->frame_left = 0;
	return n;
}
