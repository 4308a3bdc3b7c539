/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/h2_private.h"

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

/* After interim answers nghttp2 takes the final head for trailers. */
static enum h2_text_kind
kind_of(const struct h2 *h2, const nghttp2_frame *frame)
{
	const struct h2_stream *s;

	if (!h2->client)
		return frame->headers.cat == NGHTTP2_HCAT_REQUEST ?
		    H2_TEXT_REQUEST : H2_TEXT_TRAILERS;
	s = stream_of(h2->session, frame->hd.stream_id);
	return s != NULL && s->answered ? H2_TEXT_TRAILERS :
	    H2_TEXT_RESPONSE;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
    void *user)
{
	struct h2 *h2 = user;

	(void)session;
	if (frame->hd.stream_id > h2->last_id)
		h2->last_id = frame->hd.stream_id;
	begin_text(h2, kind_of(h2, frame));
	return 0;
}

static void
tell_malformed(struct h2 *h2, const char *rule, const char *sentence)
{
	h2->kit->counts.malformed++;
	if (h2->kit->ops->malformed != NULL)
		h2->kit->ops->malformed(h2, rule, sentence);
}

/* The stream ends with PROTOCOL_ERROR; the rest of the section is not told. */
static int
malformed(struct h2 *h2, int32_t id, const char *rule, const char *sentence)
{
	tell_malformed(h2, rule, sentence);
	end_text(h2);
	submitted(nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id,
	    NGHTTP2_PROTOCOL_ERROR));
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static const char bad_field[] =
    "a field is malformed, repeated, out of its place or not for HTTP/2";

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
		return malformed(h2, frame->hd.stream_id, "h2-field",
		    bad_field);
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
	return h2->mid_head ? malformed(h2, frame->hd.stream_id, "h2-field",
	    bad_field) : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
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
		return malformed(h2, frame->hd.stream_id, "h2-request",
		    "the pseudo-fields are not those of a request");
	else if (request.tunnel && !slice_eq_nocase(h2_text_pseudo(t,
	    H2_PROTOCOL), SLICE("websocket")))
		request.rule = H1_BAD_UPGRADE;
	open_stream(h2, &request, frame->hd.stream_id);
	end_text(h2);
	return 0;
}

static int
end_answer_head(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_of(h2->session, frame->hd.stream_id);
	bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct slice text;

	if (!h2_text_end(&h2->text, ended, (struct slice){ NULL, 0 }, &text))
		return malformed(h2, frame->hd.stream_id, "h2-answer",
		    "the fields are not those of an answer");
	if (s != NULL) {
		s->answered = h2_text_pseudo(&h2->text, H2_STATUS).p[0] != '1';
		h2->kit->ops->answer(s, text, ended);
	}
	end_text(h2);
	return 0;
}

static int
end_trailers(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_of(h2->session, frame->hd.stream_id);
	struct slice lines;

	if (!h2_text_end(&h2->text, true, (struct slice){ NULL, 0 }, &lines))
		return malformed(h2, frame->hd.stream_id, "h2-trailers",
		    "the trailers are too large");
	if (s != NULL)
		h2->kit->ops->ended(s, lines);
	end_text(h2);
	return 0;
}

static int
end_head(struct h2 *h2, const nghttp2_frame *frame)
{
	switch (h2->text.kind) {
	case H2_TEXT_REQUEST:
		return end_request_head(h2, frame);
	case H2_TEXT_RESPONSE:
		return end_answer_head(h2, frame);
	case H2_TEXT_TRAILERS:
		break;
	}
	return end_trailers(h2, frame);
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
			result = end_head(h2, frame);
		break;
	case NGHTTP2_DATA:
		return end_data(h2, frame);
	case NGHTTP2_RST_STREAM:
		if (stream_of(session, frame->hd.stream_id) != NULL)
			h2_count_reset(h2);
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
		h2_consume_connection(h2, len);
	return 0;
}

/* By nghttp2's own look at what a frame carries. */
static const char *
rule_of(int error)
{
	switch (error) {
	case NGHTTP2_ERR_HTTP_HEADER:
		return "h2-field";
	case NGHTTP2_ERR_HTTP_MESSAGING:
		return "h2-request";
	default:
		return "h2-frame";
	}
}

/* A frame that is against the rules: nghttp2 ends its stream, or all.  Of a
 * field it may have been told already, by on_invalid_header(); of DATA without
 * a stream nghttp2 tells nothing. */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame,
    int error, void *user)
{
	struct h2 *h2 = user;

	(void)session;
	if (error != NGHTTP2_ERR_HTTP_HEADER || h2->mid_head)
		tell_malformed(h2, rule_of(error), nghttp2_strerror(error));
	if (frame->hd.type == NGHTTP2_HEADERS && h2->mid_head)
		end_text(h2);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s = stream_of(session, id);

	if (!h2->client)
		h2_remember(h2, id, error);
	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->unsent)
		error = NGHTTP2_REFUSED_STREAM;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2->kit->ops->closed(s, (enum h2_error)error);
	return 0;
}

void
h2_receive_by(nghttp2_session_callbacks *cb)
{
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
}
