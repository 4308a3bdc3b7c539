/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "http/h2_text.h"

enum {
	CALM_MS = 10000,		/* in which a budget is earned again */
	ANSWER_FIELDS = H1_FIELDS_MAX + 36,	/* ours included */
	TINY_FRAME = 64,		/* bytes of DATA that earn no credit */
	CONTINUATIONS = 8,		/* frames of one header section */
	RECENT = 64,			/* closed streams that are remembered */
	BY_US = INT32_MIN,		/* bit of such a one that we reset */
};

struct h2_kit {
	const struct h2_ops *ops;
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
	uint32_t	 frame_left;	/* of the current frame's bytes */
	bool		 mid_head;
	bool		 ended;		/* GOAWAY for good, or an error */
};

/* Every one of them fails for want of memory alone, or because the stream or
 * the connection is on its end already, which its callbacks tell. */
static void
submitted(int result)
{
	must(result != NGHTTP2_ERR_NOMEM);
}

/* --- patience ------------------------------------------------------------- */

static void
end_in(struct h2 *h2, enum h2_error error)
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

	if (elapsed_ms >= 100) {
		h2->resets = leak(h2->resets, h2->settings.resets, elapsed_ms);
		h2->glitches = leak(h2->glitches, h2->settings.glitches,
		    elapsed_ms);
		h2->calm_ms = h2->now_ms;
	}
	if (++*count <= most || h2->ended)
		return;
	h2->kit->counts.calmed++;
	end_in(h2, H2_ENHANCE_YOUR_CALM);
}

static void
count_reset(struct h2 *h2)
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
static void
forgive_glitch(struct h2 *h2, unsigned times)
{
	h2->glitches -= h2->glitches < times ? h2->glitches : times;
}

/* --- frames that come ------------------------------------------------------- */

static struct h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* What became of the stream that is no more: its number, maybe with BY_US, or
 * 0 when it was long ago or never was. */
static uint32_t
recall(const struct h2 *h2, int32_t id)
{
	for (unsigned i = 0; h2->recent != NULL && i < RECENT; i++)
		if ((h2->recent[i] & INT32_MAX) == (uint32_t)id)
			return h2->recent[i];
	return 0;
}

static void
remember(struct h2 *h2, int32_t id)
{
	if (h2->recent == NULL)
		h2->recent = xcalloc(RECENT, sizeof(*h2->recent));
	h2->recent[h2->nrecent++ % RECENT] = (uint32_t)id |
	    (h2->reset_id == id ? (uint32_t)BY_US : 0);
}

/*
 * RFC 9113 5.1, "closed": what comes on a stream that we reset may have been
 * on its way; on one that the client ended it is an error, and a stream that
 * should have begun before another is one of the whole connection (5.1.1).
 */
static void
check_closed(struct h2 *h2, const nghttp2_frame_hd *hd)
{
	uint32_t was;

	if (hd->stream_id % 2 == 0 || h2->mid_head ||
	    hd->stream_id > h2->last_id ||
	    nghttp2_session_find_stream(h2->session, hd->stream_id) != NULL)
		return;
	was = recall(h2, hd->stream_id);
	if (was == 0 && hd->type == NGHTTP2_HEADERS)
		end_in(h2, H2_PROTOCOL_ERROR);
	else if (!(was & (uint32_t)BY_US))
		submitted(nghttp2_submit_rst_stream(h2->session,
		    NGHTTP2_FLAG_NONE, hd->stream_id,
		    NGHTTP2_STREAM_CLOSED));
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
		forgive_glitch(h2, 2);
		break;
	case NGHTTP2_DATA:
		check_closed(h2, hd);
		if (hd->length >= TINY_FRAME)
			forgive_glitch(h2, 1);
		else if (hd->length == 0 &&
		    !(hd->flags & NGHTTP2_FLAG_END_STREAM))
			count_glitch(h2);
		break;
	case NGHTTP2_RST_STREAM:
		break;			/* counted if it ends something */
	case NGHTTP2_PRIORITY:
		if (hd->stream_id == 0)
			end_in(h2, H2_PROTOCOL_ERROR);
		count_glitch(h2);
		break;
	default:
		count_glitch(h2);
		break;
	}
}

/* The memory of a header section is lent from one to the next. */
static void
begin_text(struct h2 *h2, enum h2_text_kind kind)
{
	if (h2->text.buf.p == NULL) {
		h2->text.buf = h2->kit->spare;
		h2->kit->spare = (struct buf){ 0 };
	}
	h2_text_begin(&h2->text, kind);
	h2->mid_head = true;
}

static void
end_text(struct h2 *h2)
{
	h2->mid_head = false;
	if (h2->kit->spare.p == NULL)
		h2->kit->spare = h2->text.buf;
	else
		buf_fini(&h2->text.buf);
	h2->text.buf = (struct buf){ 0 };
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
    void *user)
{
	struct h2 *h2 = user;

	(void)session;
	if (frame->hd.stream_id > h2->last_id)
		h2->last_id = frame->hd.stream_id;
	begin_text(h2, frame->headers.cat == NGHTTP2_HCAT_REQUEST ?
	    H2_TEXT_REQUEST : H2_TEXT_TRAILERS);
	return 0;
}

/* The stream ends with PROTOCOL_ERROR; the rest of the section is not told. */
static int
malformed(struct h2 *h2, int32_t id)
{
	h2->kit->counts.malformed++;
	end_text(h2);
	submitted(nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id,
	    NGHTTP2_PROTOCOL_ERROR));
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
	struct h2 *h2 = user;

	(void)session;
	(void)flags;
	if (!h2->mid_head)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (!h2_text_field(&h2->text, (struct slice){ (const char *)name,
	    name_len }, (struct slice){ (const char *)value, value_len }))
		return malformed(h2, frame->hd.stream_id);
	return 0;
}

static int
on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
	struct h2 *h2 = user;

	(void)session;
	(void)name;
	(void)name_len;
	(void)value;
	(void)value_len;
	(void)flags;
	return h2->mid_head ? malformed(h2, frame->hd.stream_id) :
	    NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/*
 * RFC 9218 without the client's say: streams take turns, a frame each, so that
 * none waits for another to end.
 */
static void
share_evenly(struct h2 *h2, int32_t id)
{
	const nghttp2_extpri even = { NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1 };

	submitted(nghttp2_session_change_extpri_stream_priority(h2->session,
	    id, &even, 1));
}

static void
open_stream(struct h2 *h2, const struct h2_request *request, int32_t id)
{
	struct h2_stream *s = h2->kit->ops->opened(h2);

	if (s == NULL) {
		submitted(nghttp2_submit_rst_stream(h2->session,
		    NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
		return;
	}
	s->h2 = h2;
	s->id = id;
	nghttp2_session_set_stream_user_data(h2->session, id, s);
	share_evenly(h2, id);
	h2->kit->ops->head(s, request);
}

static int
end_request_head(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_text *t = &h2->text;
	struct h2_request request = { .tunnel = h2_text_is_extended(t),
	    .ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM };
	struct slice key = { NULL, 0 };

	if (request.tunnel)
		key = h2->kit->ops->key(h2);
	if (t->too_large)
		request.rule = H1_HEAD_TOO_LONG;
	else if (!h2_text_end(t, request.ended, key, &request.text))
		return malformed(h2, frame->hd.stream_id);
	else if (request.tunnel && !slice_eq_nocase(h2_text_pseudo(t,
	    H2_PROTOCOL), SLICE("websocket")))
		request.rule = H1_BAD_UPGRADE;
	open_stream(h2, &request, frame->hd.stream_id);
	end_text(h2);
	return 0;
}

static int
end_trailers(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_of(h2->session, frame->hd.stream_id);
	struct slice lines;

	if (!h2_text_end(&h2->text, true, (struct slice){ NULL, 0 }, &lines))
		return malformed(h2, frame->hd.stream_id);
	if (s != NULL)
		h2->kit->ops->ended(s, lines);
	end_text(h2);
	return 0;
}

static int
end_data(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_of(h2->session, frame->hd.stream_id);

	if (s != NULL && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		h2->kit->ops->ended(s, (struct slice){ NULL, 0 });
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	int result = 0;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (h2->mid_head)
			result = frame->headers.cat == NGHTTP2_HCAT_REQUEST ?
			    end_request_head(h2, frame) :
			    end_trailers(h2, frame);
		break;
	case NGHTTP2_DATA:
		return end_data(h2, frame);
	case NGHTTP2_RST_STREAM:
		if (stream_of(session, frame->hd.stream_id) != NULL)
			count_reset(h2);
		break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			h2->kit->ops->ponged(h2);
		break;
	default:
		break;
	}
	/* The stream is reset already; nghttp2 would do it a second time. */
	return result == NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE ? 0 : result;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *bytes, size_t len, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s = stream_of(session, id);

	(void)flags;
	if (s != NULL)
		h2->kit->ops->body(s, (struct slice){ (const char *)bytes,
		    len });
	else
		h2_consume_closed(h2, len);
	return 0;
}

/* A frame that is against the rules: nghttp2 ends its stream, or all. */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame,
    int error, void *user)
{
	struct h2 *h2 = user;

	(void)session;
	(void)frame;
	(void)error;
	h2->kit->counts.malformed++;
	if (frame->hd.type == NGHTTP2_HEADERS && h2->mid_head)
		end_text(h2);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s = stream_of(session, id);

	remember(h2, id);
	if (s == NULL)
		return 0;
	s->closed = true;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2->kit->ops->closed(s, (enum h2_error)error);
	return 0;
}

/* --- frames that go ----------------------------------------------------------- */

/* An array for nghttp2 out of lines; names in lower case, as they travel. */
static size_t
fields_of(struct h2_kit *kit, nghttp2_nv nv[ANSWER_FIELDS], size_t n,
    struct slice lines)
{
	struct slice name, value;
	char *to;

	buf_clear(&kit->lower);
	to = buf_reserve(&kit->lower, lines.len + 1);
	while (n < ANSWER_FIELDS && h2_text_next(&lines, &name, &value)) {
		for (size_t i = 0; i < name.len; i++)
			to[i] = ascii_lower(name.p[i]);
		nv[n++] = (nghttp2_nv){ (uint8_t *)to,
		    (uint8_t *)(uintptr_t)value.p, name.len, value.len,
		    slice_eq((struct slice){ to, name.len },
		    SLICE("set-cookie")) ? NGHTTP2_NV_FLAG_NO_INDEX :
		    NGHTTP2_NV_FLAG_NONE };
		to += name.len;
	}
	return n;
}

static void
put_status(nghttp2_nv *nv, char text[3], unsigned status)
{
	static uint8_t name[] = ":status";

	text[0] = (char)('0' + status / 100);
	text[1] = (char)('0' + status / 10 % 10);
	text[2] = (char)('0' + status % 10);
	*nv = (nghttp2_nv){ name, (uint8_t *)text, sizeof(name) - 1, 3,
	    NGHTTP2_NV_FLAG_NONE };
}

static void
submit_trailers(struct h2_stream *s)
{
	nghttp2_nv nv[ANSWER_FIELDS];
	size_t n = fields_of(s->h2->kit, nv, 0, s->trailers);

	submitted(nghttp2_submit_trailer(s->h2->session, s->id, nv, n));
}

static ssize_t
on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;
	size_t n = s->waiting < room ? s->waiting : room;

	(void)session;
	(void)id;
	(void)buf;
	(void)user;
	if (n == 0 && !s->last)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (!s->last || n < s->waiting)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->trailers.len > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(s);
	}
	return (ssize_t)n;
}

/* Straight from where it waits into the bytes that leave together. */
static int
on_send_data(nghttp2_session *session, nghttp2_frame *frame,
    const uint8_t *head, size_t len, nghttp2_data_source *source, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s = source->ptr;

	(void)session;
	if (h2->out->len >= h2->most)
		return NGHTTP2_ERR_WOULDBLOCK;
	must(frame->data.padlen == 0 && len <= s->waiting);
	buf_add(h2->out, head, 9);
	if (len > 0) {
		h2->kit->ops->copy(s, buf_reserve(h2->out, len), len);
		h2->out->len += len;
		s->waiting -= len;
	}
	if (len >= TINY_FRAME)
		forgive_glitch(h2, 2);
	return 0;
}

/* Streams that the peer made us end count like those that it ended. */
static bool
is_peers_fault(uint32_t error)
{
	return error == NGHTTP2_PROTOCOL_ERROR ||
	    error == NGHTTP2_FLOW_CONTROL_ERROR ||
	    error == NGHTTP2_STREAM_CLOSED ||
	    error == NGHTTP2_FRAME_SIZE_ERROR ||
	    error == NGHTTP2_REFUSED_STREAM;
}

static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s;

	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		h2->reset_id = frame->hd.stream_id;
		if (is_peers_fault(frame->rst_stream.error_code))
			count_reset(h2);
	}
	if ((frame->hd.type != NGHTTP2_DATA &&
	    frame->hd.type != NGHTTP2_HEADERS) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	s = stream_of(session, frame->hd.stream_id);
	if (s != NULL)
		h2->kit->ops->sent(s);
	return 0;
}

/* --- what connections share ----------------------------------------------------- */

struct h2_kit *
h2_kit_new(const struct h2_ops *ops)
{
	struct h2_kit *kit = xcalloc(1, sizeof(*kit));
	nghttp2_session_callbacks *cb;

	kit->ops = ops;
	must(nghttp2_session_callbacks_new(&cb) == 0);
	kit->callbacks = cb;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb,
	    on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb,
	    on_invalid_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	must(nghttp2_option_new(&kit->option) == 0);
	nghttp2_option_set_no_auto_window_update(kit->option, 1);
	nghttp2_option_set_no_closed_streams(kit->option, 1);
	nghttp2_option_set_max_continuations(kit->option, CONTINUATIONS);
	return kit;
}

void
h2_kit_free(struct h2_kit **kit)
{
	if (*kit == NULL)
		return;
	nghttp2_session_callbacks_del((*kit)->callbacks);
	nghttp2_option_del((*kit)->option);
	buf_fini(&(*kit)->lower);
	buf_fini(&(*kit)->spare);
	free(*kit);
	*kit = NULL;
}

const struct h2_counts *
h2_kit_counts(const struct h2_kit *kit)
{
	return &kit->counts;
}

/* --- a connection ------------------------------------------------------------------ */

static void
submit_settings(struct h2 *h2)
{
	const struct h2_settings *s = &h2->settings;
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, s->window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_LIST_MAX },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	submitted(nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE,
	    entries, sizeof(entries) / sizeof(entries[0])));
	submitted(nghttp2_session_set_local_window_size(h2->session,
	    NGHTTP2_FLAG_NONE, 0, (int32_t)s->connection_window));
}

struct h2 *
h2_new(struct h2_kit *kit, void *owner, const struct h2_settings *settings)
{
	struct h2 *h2 = xcalloc(1, sizeof(*h2));

	h2->kit = kit;
	h2->owner = owner;
	h2->settings = *settings;
	h2->preface_left = H2_PREFACE_LEN;
	must(nghttp2_session_server_new2(&h2->session, kit->callbacks, h2,
	    kit->option) == 0);
	submit_settings(h2);
	return h2;
}

void
h2_free(struct h2 **h2)
{
	if (*h2 == NULL)
		return;
	nghttp2_session_del((*h2)->session);
	buf_fini(&(*h2)->text.buf);
	free((*h2)->recent);
	free(*h2);
	*h2 = NULL;
}

void *
h2_owner(const struct h2 *h2)
{
	return h2->owner;
}

static enum h2_error
error_of(ssize_t result)
{
	switch (result) {
	case NGHTTP2_ERR_FLOODED:
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		return H2_ENHANCE_YOUR_CALM;
	default:
		return H2_PROTOCOL_ERROR;
	}
}

/* How many bytes from the front belong to one frame, or to its head as far as
 * it came; a head that is whole now has been looked at. */
static size_t
next_part(struct h2 *h2, struct slice bytes)
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
	if (bytes.len - n < h2->frame_left) {
		h2->frame_left -= (uint32_t)(bytes.len - n);
		return bytes.len;
	}
	n += h2->frame_left;
	h2->frame_left = 0;
	return n;
}

bool
h2_feed(struct h2 *h2, struct slice bytes, uint64_t now_ms)
{
	ssize_t n = 0;

	h2->now_ms = now_ms;
	while (bytes.len > 0 && n >= 0 && !h2->ended) {
		size_t part = next_part(h2, bytes);

		n = nghttp2_session_mem_recv(h2->session,
		    (const uint8_t *)bytes.p, part);
		bytes.p += part;
		bytes.len -= part;
	}
	must(n != NGHTTP2_ERR_NOMEM && n != NGHTTP2_ERR_CALLBACK_FAILURE);
	if (n >= 0)
		return true;
	if (error_of(n) == H2_ENHANCE_YOUR_CALM)
		h2->kit->counts.calmed++;
	else
		h2->kit->counts.malformed++;
	end_in(h2, error_of(n));
	return false;
}

void
h2_take(struct h2 *h2, struct buf *out, size_t most)
{
	const uint8_t *bytes;
	ssize_t n;

	h2->out = out;
	h2->most = most;
	while (out->len < most) {
		size_t before = out->len;

		n = nghttp2_session_mem_send(h2->session, &bytes);
		must(n >= 0);
		if (n > 0)
			buf_add(out, bytes, (size_t)n);
		else if (out->len == before)
			break;		/* DATA goes by on_send_data() */
	}
	h2->out = NULL;
}

bool
h2_has_more(const struct h2 *h2)
{
	return nghttp2_session_want_write(h2->session) != 0;
}

bool
h2_is_done(const struct h2 *h2)
{
	return nghttp2_session_want_read(h2->session) == 0 &&
	    nghttp2_session_want_write(h2->session) == 0;
}

bool
h2_is_mid_head(const struct h2 *h2)
{
	return h2->mid_head;
}

void
h2_change(struct h2 *h2, const struct h2_settings *settings)
{
	if (memcmp(&h2->settings, settings, sizeof(*settings)) == 0)
		return;
	h2->settings = *settings;
	if (!h2->ended)
		submit_settings(h2);
}

/* --- streams -------------------------------------------------------------------------- */

void
h2_answer(struct h2_stream *s, unsigned status, struct slice lines, bool ended)
{
	const nghttp2_data_provider body = { .source.ptr = s,
	    .read_callback = on_read };
	nghttp2_nv nv[ANSWER_FIELDS];
	char text[3];

	if (s->closed)
		return;
	put_status(&nv[0], text, status);
	submitted(nghttp2_submit_response(s->h2->session, s->id, nv,
	    fields_of(s->h2->kit, nv, 1, lines), ended ? NULL : &body));
}

void
h2_inform(struct h2_stream *s, unsigned status, struct slice lines)
{
	nghttp2_nv nv[ANSWER_FIELDS];
	char text[3];

	if (s->closed)
		return;
	put_status(&nv[0], text, status);
	submitted(nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE,
	    s->id, NULL, nv, fields_of(s->h2->kit, nv, 1, lines), NULL));
}

void
h2_more(struct h2_stream *s)
{
	if (!s->closed)
		submitted(nghttp2_session_resume_data(s->h2->session, s->id));
}

void
h2_consume(struct h2_stream *s, size_t len)
{
	if (s->closed)
		h2_consume_closed(s->h2, len);
	else
		submitted(nghttp2_session_consume(s->h2->session, s->id, len));
}

void
h2_consume_closed(struct h2 *h2, size_t len)
{
	submitted(nghttp2_session_consume_connection(h2->session, len));
}

void
h2_reset(struct h2_stream *s, enum h2_error error)
{
	if (!s->closed)
		submitted(nghttp2_submit_rst_stream(s->h2->session,
		    NGHTTP2_FLAG_NONE, s->id, error));
}

/* --- the end ------------------------------------------------------------------------------ */

void
h2_say_shutdown(struct h2 *h2)
{
	submitted(nghttp2_submit_shutdown_notice(h2->session));
}

void
h2_ping(struct h2 *h2)
{
	submitted(nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL));
}

void
h2_goaway(struct h2 *h2, enum h2_error error)
{
	submitted(nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h2->session), error,
	    NULL, 0));
}
