/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdlib.h>

#include "base/arena.h"
#include "http/h2_private.h"

enum {
	ANSWER_FIELDS = H1_FIELDS_MAX + 36,	/* ours included */
	CONTINUATIONS = 8,		/* frames of one header section */
};

/* --- frames that come --------------------------------------------------- */

static struct h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
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
		h2_remember(h2, id);
	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->unsent)
		error = NGHTTP2_REFUSED_STREAM;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2->kit->ops->closed(s, (enum h2_error)error);
	return 0;
}

/* --- frames that go ----------------------------------------------------- */

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
		h2_forgive_glitch(h2, 2);
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
			h2_count_reset(h2);
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

/* A request that met the server's GOAWAY. */
static int
on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame,
    int error, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *s;

	(void)error;
	if (!h2->client || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	s = stream_of(session, frame->hd.stream_id);
	if (s != NULL)
		s->unsent = true;
	return 0;
}

/* --- what connections share --------------------------------------------- */

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
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
	    on_frame_not_sent);
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

/* --- a connection ------------------------------------------------------- */

static void
submit_settings(struct h2 *h2)
{
	const struct h2_settings *s = &h2->settings;
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, s->window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_LIST_MAX },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
		/* a server's, or a client's */
		{ h2->client ? NGHTTP2_SETTINGS_ENABLE_PUSH :
		    NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, !h2->client },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->streams },
	};

	submitted(nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE,
	    entries, sizeof(entries) / sizeof(entries[0]) -
	    (h2->client ? 1 : 0)));
	submitted(nghttp2_session_set_local_window_size(h2->session,
	    NGHTTP2_FLAG_NONE, 0, (int32_t)s->connection_window));
}

static struct h2 *
new_session(struct h2_kit *kit, void *owner,
    const struct h2_settings *settings)
{
	struct h2 *h2 = xcalloc(1, sizeof(*h2));

	h2->kit = kit;
	h2->owner = owner;
	h2->settings = *settings;
	return h2;
}

struct h2 *
h2_new(struct h2_kit *kit, void *owner, const struct h2_settings *settings)
{
	struct h2 *h2 = new_session(kit, owner, settings);

	h2->preface_left = H2_PREFACE_LEN;
	must(nghttp2_session_server_new3(&h2->session, kit->callbacks, h2,
	    kit->option, &h2_memory) == 0);
	submit_settings(h2);
	return h2;
}

struct h2 *
h2_new_client(struct h2_kit *kit, void *owner,
    const struct h2_settings *settings)
{
	struct h2 *h2 = new_session(kit, owner, settings);

	h2->client = true;
	must(nghttp2_session_client_new3(&h2->session, kit->callbacks, h2,
	    kit->option, &h2_memory) == 0);
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

bool
h2_feed(struct h2 *h2, struct slice bytes, uint64_t now_ms)
{
	ssize_t n = 0;

	h2->now_ms = now_ms;
	while (bytes.len > 0 && n >= 0 && !h2->ended) {
		size_t part = h2_next_part(h2, bytes);

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
	h2_end(h2, error_of(n));
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

/* --- requests of ours --------------------------------------------------- */

static nghttp2_nv
pseudo(const char *name, struct slice value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name,
	    (uint8_t *)(uintptr_t)value.p, strlen(name), value.len,
	    NGHTTP2_NV_FLAG_NONE };
}

/* Takes the value of Host out of what follows the request line. */
static struct slice
find_host(struct slice lines)
{
	struct slice name, value;

	while (h2_text_next(&lines, &name, &value))
		if (field_identify(name) == FIELD_HOST)
			return value;
	return (struct slice){ NULL, 0 };
}

static bool
is_host(const nghttp2_nv *nv)
{
	return slice_eq((struct slice){ (const char *)nv->name, nv->namelen },
	    SLICE("host"));
}

void
h2_ask(struct h2 *h2, struct h2_stream *s, struct slice head, bool ended)
{
	const nghttp2_data_provider body = { .source.ptr = s,
	    .read_callback = on_read };
	nghttp2_nv nv[ANSWER_FIELDS];
	struct slice method, target;
	size_t n, kept = 4;

	must(slice_split(&head, ' ', &method) &&
	    slice_split(&head, ' ', &target));
	slice_split(&head, '\n', &(struct slice){ NULL, 0 });
	nv[0] = pseudo(":method", method);
	nv[1] = pseudo(":scheme", SLICE("https"));
	nv[2] = pseudo(":authority", find_host(head));
	nv[3] = pseudo(":path", target);
	n = fields_of(h2->kit, nv, 4, head);
	for (size_t i = 4; i < n; i++)
		if (!is_host(&nv[i]))
			nv[kept++] = nv[i];
	s->h2 = h2;
	s->id = nghttp2_submit_request(h2->session, NULL, nv, kept,
	    ended ? NULL : &body, s);
	submitted(s->id);
}

bool
h2_takes_more(const struct h2 *h2)
{
	return !h2->ended &&
	    nghttp2_session_check_request_allowed(h2->session) != 0;
}

unsigned
h2_most_streams(const struct h2 *h2)
{
	return nghttp2_session_get_remote_settings(h2->session,
	    NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

/* --- streams ------------------------------------------------------------ */

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

/* What is taken as fast as it comes is held up by the window alone where the
 * way is long; what has to wait fills whatever window it has. */
static void
grow(struct h2_stream *s, size_t len)
{
	uint32_t most = s->h2->settings.window_most;

	if (s->window == 0)
		s->window = s->h2->settings.window;
	if (s->window >= most)
		return;
	s->passed += (uint32_t)len;
	if (s->passed < s->window)
		return;
	s->passed = 0;
	s->window = s->window < most / 2 ? s->window * 2 : most;
	submitted(nghttp2_session_set_local_window_size(s->h2->session,
	    NGHTTP2_FLAG_NONE, s->id, (int32_t)s->window));
}

void
h2_stall(struct h2_stream *s)
{
	s->passed = 0;
}

void
h2_consume(struct h2_stream *s, size_t len)
{
	h2_consume_stream(s, len);
	h2_consume_connection(s->h2, len);
}

void
h2_consume_stream(struct h2_stream *s, size_t len)
{
	if (s->closed || len == 0)
		return;
	submitted(nghttp2_session_consume_stream(s->h2->session, s->id, len));
	grow(s, len);
}

void
h2_consume_connection(struct h2 *h2, size_t len)
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

/* --- the end ------------------------------------------------------------ */

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
