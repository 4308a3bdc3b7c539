/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdlib.h>

#include "base/arena.h"
#include "http/h2_private.h"

enum { CONTINUATIONS = 8 };	/* frames of one header section */

/* --- what connections share --------------------------------------------- */

struct h2_kit *
h2_kit_new(const struct h2_ops *ops)
{
	struct h2_kit *kit = xcalloc(1, sizeof(*kit));
	nghttp2_session_callbacks *cb;

	kit->ops = ops;
	h2_memory_init(&kit->memory);
	must(nghttp2_session_callbacks_new(&cb) == 0);
	kit->callbacks = cb;
	h2_receive_by(cb);
	h2_send_by(cb);
	must(nghttp2_option_new(&kit->option) == 0);
	nghttp2_option_set_no_auto_window_update(kit->option, 1);
	nghttp2_option_set_no_closed_streams(kit->option, 1);
	nghttp2_option_set_max_continuations(kit->option, CONTINUATIONS);
	/* Counted here (h2_look.c), against limits that are ours. */
	nghttp2_option_set_stream_reset_rate_limit(kit->option, UINT64_MAX,
	    UINT64_MAX);
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
	h2_memory_fini(&(*kit)->memory);
	free(*kit);
	*kit = NULL;
}

const struct h2_counts *
h2_kit_counts(const struct h2_kit *kit)
{
	return &kit->counts;
}

/* --- no connection ------------------------------------------------------ */

bool
h2_preface_begun(struct slice bytes)
{
	return bytes.len >= H1_METHOD_BEGUN &&
	    memcmp(bytes.p, H2_PREFACE, H1_METHOD_BEGUN) == 0;
}

/* RFC 9113 3.4: SETTINGS, which may be empty, come first. */
void
h2_write_refusal(struct buf *out, enum h2_error error, struct slice sentence)
{
	const uint8_t frames[] = {
		0, 0, 0, NGHTTP2_SETTINGS, 0, 0, 0, 0, 0,
		0, 0, (uint8_t)(8 + sentence.len), NGHTTP2_GOAWAY, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)error,
	};

	must(sentence.len <= UINT8_MAX - 8);
	buf_add(out, frames, sizeof(frames));
	buf_slice(out, sentence);
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
	    kit->option, &kit->memory.mem) == 0);
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
	    kit->option, &kit->memory.mem) == 0);
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
