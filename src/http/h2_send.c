/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/chars.h"
#include "http/h2_private.h"

enum { ANSWER_FIELDS = H1_FIELDS_MAX + 36 };	/* ours included */

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
		chars_lower(to, name);
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

void
h2_send_by(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
	    on_frame_not_sent);
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

/* --- answers of ours ---------------------------------------------------- */

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
