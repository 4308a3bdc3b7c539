/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/h2_text.h"

#include "http/chars.h"
#include "http/target.h"

static const struct {
	struct slice	 name;
	bool		 response;
} pseudos[H2_PSEUDOS] = {
	[H2_METHOD] = { SLICE(":method"), false },
	[H2_SCHEME] = { SLICE(":scheme"), false },
	[H2_AUTHORITY] = { SLICE(":authority"), false },
	[H2_PATH] = { SLICE(":path"), false },
	[H2_PROTOCOL] = { SLICE(":protocol"), false },
	[H2_STATUS] = { SLICE(":status"), true },
};

void
h2_text_begin(struct h2_text *t, enum h2_text_kind kind)
{
	struct buf buf = t->buf;

	buf_clear(&buf);
	*t = (struct h2_text){ .buf = buf, .kind = kind };
}

struct slice
h2_text_pseudo(const struct h2_text *t, enum h2_pseudo which)
{
	if (!(t->seen >> which & 1))
		return (struct slice){ NULL, 0 };
	return (struct slice){ t->buf.p + t->pseudo[which].at,
	    t->pseudo[which].len };
}

bool
h2_text_is_extended(const struct h2_text *t)
{
	return slice_is(h2_text_pseudo(t, H2_METHOD), "CONNECT") &&
	    (t->seen >> H2_PROTOCOL & 1);
}

/* --- pseudo-fields (RFC 9113 8.3) ------------------------------------------ */

static bool
take_pseudo(struct h2_text *t, struct slice name, struct slice value)
{
	size_t i = 0;

	while (i < H2_PSEUDOS && !slice_eq(pseudos[i].name, name))
		i++;
	if (i == H2_PSEUDOS || t->lined || (t->seen >> i & 1) != 0 ||
	    t->kind == H2_TEXT_TRAILERS ||
	    pseudos[i].response != (t->kind == H2_TEXT_RESPONSE) ||
	    chars_in_target(value) < value.len)
		return false;
	t->seen |= (uint8_t)(1 << i);
	t->pseudo[i].at = (uint32_t)t->buf.len;
	t->pseudo[i].len = (uint32_t)value.len;
	buf_slice(&t->buf, value);
	return true;
}

/* Which of them a request must have, and which it must not. */
static bool
has_right_ones(const struct h2_text *t)
{
	const unsigned ask = 1 << H2_METHOD | 1 << H2_SCHEME | 1 << H2_PATH;
	struct slice scheme = h2_text_pseudo(t, H2_SCHEME);
	bool connect = slice_is(h2_text_pseudo(t, H2_METHOD), "CONNECT");

	if (!chars_all_token(h2_text_pseudo(t, H2_METHOD)))
		return false;
	if (connect && !(t->seen >> H2_PROTOCOL & 1))
		return t->seen == (1 << H2_METHOD | 1 << H2_AUTHORITY);
	if ((t->seen & ask) != ask)
		return false;
	if (t->seen >> H2_PROTOCOL & 1)
		return connect && (t->seen >> H2_AUTHORITY & 1) &&
		    chars_all_token(h2_text_pseudo(t, H2_PROTOCOL));
	return slice_eq_nocase(scheme, SLICE("http")) ||
	    slice_eq_nocase(scheme, SLICE("https"));
}

static void
copy_pseudo(struct h2_text *t, enum h2_pseudo which)
{
	struct slice value;

	/* It stands in the buffer that it is copied to. */
	buf_reserve(&t->buf, t->pseudo[which].len);
	value = h2_text_pseudo(t, which);
	buf_slice(&t->buf, value);
}

static bool
write_request_line(struct h2_text *t)
{
	struct slice path;

	if (!has_right_ones(t))
		return false;
	path = h2_text_pseudo(t, H2_PATH);
	if (h2_text_is_extended(t))
		buf_slice(&t->buf, SLICE("GET"));
	else
		copy_pseudo(t, H2_METHOD);
	buf_char(&t->buf, ' ');
	if (path.p == NULL)
		copy_pseudo(t, H2_AUTHORITY);
	else if (path.len > 0 && (path.p[0] == '/' || slice_is(path, "*")))
		copy_pseudo(t, H2_PATH);
	else
		return false;		/* RFC 9113 8.3.1: never empty, never
					   with a scheme */
	buf_slice(&t->buf, SLICE(" HTTP/1.1\r\n"));
	if (!(t->seen >> H2_AUTHORITY & 1))
		return true;
	buf_slice(&t->buf, SLICE("host: "));
	copy_pseudo(t, H2_AUTHORITY);
	buf_slice(&t->buf, SLICE("\r\n"));
	return true;
}

static bool
write_status_line(struct h2_text *t)
{
	if (h2_text_pseudo(t, H2_STATUS).len != 3)
		return false;
	buf_slice(&t->buf, SLICE("HTTP/1.1 "));
	copy_pseudo(t, H2_STATUS);
	buf_slice(&t->buf, SLICE(" \r\n"));
	return true;
}

static bool
write_start_line(struct h2_text *t)
{
	if (t->lined)
		return true;
	t->lined = true;
	t->text_at = t->buf.len;
	switch (t->kind) {
	case H2_TEXT_REQUEST:
		return write_request_line(t);
	case H2_TEXT_RESPONSE:
		return write_status_line(t);
	case H2_TEXT_TRAILERS:
		break;
	}
	return true;
}

/* --- fields (RFC 9113 8.2) --------------------------------------------------- */

static bool
is_lower_token(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return false;
	return chars_all_token(name);
}

static bool
is_good(struct slice name, struct slice value)
{
	if (chars_in_value(value) < value.len ||
	    slice_trim(value).len != value.len)
		return false;
	return chars_plain_name(name) || is_lower_token(name);
}

/* RFC 9113 8.2.2: whoever sends one of these speaks HTTP/1.1. */
static bool
is_of_connection(enum field_id id)
{
	switch (id) {
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
		return true;
	default:
		return false;
	}
}

static void
add_line(struct h2_text *t, struct slice name, struct slice value)
{
	buf_slice(&t->buf, name);
	buf_slice(&t->buf, SLICE(": "));
	buf_slice(&t->buf, value);
	buf_slice(&t->buf, SLICE("\r\n"));
}

/* RFC 9113 8.2.3: HTTP/1.1 knows one Cookie field. */
static void
add_crumb(struct h2_text *t, struct slice value)
{
	size_t tail;
	char *at;

	if (t->cookie_end == 0) {
		add_line(t, SLICE("cookie"), value);
		t->cookie_end = t->buf.len - 2;
		return;
	}
	buf_reserve(&t->buf, value.len + 2);
	at = t->buf.p + t->cookie_end;
	tail = t->buf.len - t->cookie_end;
	memmove(at + value.len + 2, at, tail);
	memcpy(at, "; ", 2);
	memcpy(at + 2, value.p, value.len);
	t->buf.len += value.len + 2;
	t->cookie_end += value.len + 2;
}

/* :authority stands for Host; a Host beside it may only repeat it. */
static bool
take_host(struct h2_text *t, struct slice value)
{
	if (t->has_host)
		return false;
	t->has_host = true;
	if (!(t->seen >> H2_AUTHORITY & 1)) {
		add_line(t, SLICE("host"), value);
		return true;
	}
	return slice_eq_nocase(value, h2_text_pseudo(t, H2_AUTHORITY));
}

static bool
take_field(struct h2_text *t, struct slice name, struct slice value)
{
	enum field_id id = field_identify(name);

	if (t->kind == H2_TEXT_TRAILERS) {
		if (h1_may_trail(name))
			add_line(t, name, value);
		return true;
	}
	if (is_of_connection(id))
		return false;
	if (t->kind == H2_TEXT_RESPONSE) {
		t->has_length |= id == FIELD_CONTENT_LENGTH;
		add_line(t, name, value);
		return true;
	}
	if (id == FIELD_TE) {
		t->takes_trailers = true;
		return slice_eq_nocase(value, SLICE("trailers"));
	}
	if (id == FIELD_HOST)
		return take_host(t, value);
	t->has_length |= id == FIELD_CONTENT_LENGTH;
	if (slice_is(name, "cookie"))
		add_crumb(t, value);
	else if (!h2_text_is_extended(t) ||
	    !slice_is(name, "sec-websocket-key"))
		add_line(t, name, value);
	return true;
}

bool
h2_text_field(struct h2_text *t, struct slice name, struct slice value)
{
	if (t->too_large)
		return true;
	t->list_bytes += name.len + value.len + 32;
	if (t->list_bytes > (t->kind == H2_TEXT_TRAILERS ?
	    (size_t)H1_TRAILERS_MAX : (size_t)H2_LIST_MAX)) {
		t->too_large = true;
		return true;
	}
	if (name.len > 0 && name.p[0] == ':')
		return take_pseudo(t, name, value);
	return is_good(name, value) && write_start_line(t) &&
	    take_field(t, name, value);
}

/* --- the end ------------------------------------------------------------------ */

/* An answer that has none, whatever it says. */
static bool
is_bodiless(const struct h2_text *t)
{
	struct slice status = h2_text_pseudo(t, H2_STATUS);

	return (status.len > 0 && status.p[0] == '1') ||
	    slice_is(status, "204") || slice_is(status, "304");
}

/* HTTP/1.1 has to be told that it is for this hop (RFC 9110 10.1.4). */
static void
add_te(struct h2_text *t)
{
	if (t->takes_trailers && !h2_text_is_extended(t))
		buf_slice(&t->buf,
		    SLICE("te: trailers\r\nconnection: te\r\n"));
}

/*
 * A tunnel begins as RFC 6455 has it; the key is ours, since HTTP/2 has none.
 * Otherwise the end of a body that has no length is told by END_STREAM.
 */
static void
add_framing(struct h2_text *t, bool ended, struct slice key)
{
	if (h2_text_is_extended(t)) {
		buf_slice(&t->buf, SLICE("connection: upgrade\r\nupgrade: "));
		copy_pseudo(t, H2_PROTOCOL);
		buf_slice(&t->buf, SLICE("\r\n"));
		add_line(t, SLICE("sec-websocket-key"), key);
	} else if (!ended && !t->has_length && !is_bodiless(t)) {
		buf_slice(&t->buf, SLICE("transfer-encoding: chunked\r\n"));
	}
}

bool
h2_text_end(struct h2_text *t, bool ended, struct slice key,
    struct slice *text)
{
	if (t->too_large || !write_start_line(t))
		return false;
	if (t->kind != H2_TEXT_TRAILERS)
		add_framing(t, ended, key);
	if (t->kind == H2_TEXT_REQUEST)
		add_te(t);
	if (t->kind != H2_TEXT_TRAILERS)
		buf_slice(&t->buf, SLICE("\r\n"));
	*text = (struct slice){ t->buf.p + t->text_at,
	    t->buf.len - t->text_at };
	return true;
}

bool
h2_text_next(struct slice *lines, struct slice *name, struct slice *value)
{
	while (lines->len > 0) {
		const char *lf = memchr(lines->p, '\n', lines->len);
		size_t n = lf == NULL ? lines->len :
		    (size_t)(lf - lines->p) + 1;
		struct slice line = { lines->p, n };
		const char *colon = memchr(line.p, ':', line.len);

		lines->p += n;
		lines->len -= n;
		if (colon == NULL)
			continue;
		*name = (struct slice){ line.p, (size_t)(colon - line.p) };
		*value = (struct slice){ colon + 1,
		    line.len - name->len - 1 };
		while (value->len > 0 && (value->p[value->len - 1] == '\n' ||
		    value->p[value->len - 1] == '\r'))
			value->len--;
		*value = slice_trim(*value);
		if (!is_of_connection(field_identify(*name)))
			return true;
	}
	return false;
}
