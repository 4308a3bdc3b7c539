/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/target.h"

#include "http/chars.h"

/* Where reading and writing are in a path that has to change. */
struct walk {
	const char	*in, *end;
	char		*begin, *out;
	char		*segment;	/* behind the last / written */
};

const char *
target_verdict_text(enum target_verdict verdict)
{
	static const char *const texts[TARGET_VERDICTS] = {
		[TARGET_OK] = "the target is good",
		[TARGET_BAD_ESCAPE] =
		    "a % in the path is not followed by two hex digits",
		[TARGET_ENCODED_SEPARATOR] =
		    "the path holds an encoded slash, backslash or NUL",
		[TARGET_BACKSLASH] = "the path holds a backslash",
		[TARGET_EMPTY_SEGMENT] = "the path holds an empty segment",
		[TARGET_PARAMETER] =
		    "a segment of the path has a parameter where none may be",
		[TARGET_ABOVE_ROOT] = "the path climbs above its root",
		[TARGET_BAD_FORM] =
		    "the target is neither a path nor an http URL",
	};

	return verdict < TARGET_VERDICTS ? texts[verdict] : "";
}

bool
target_authority(struct slice raw, struct slice *authority, uint16_t *port)
{
	static const struct slice http = SLICE("http://");
	static const struct slice https = SLICE("https://");
	size_t skip, n = 0;

	if (slice_starts_nocase(raw, http)) {
		skip = http.len;
		*port = 80;
	} else if (slice_starts_nocase(raw, https)) {
		skip = https.len;
		*port = 443;
	} else {
		return false;
	}
	while (skip + n < raw.len && raw.p[skip + n] != '/' &&
	    raw.p[skip + n] != '?')
		n++;
	*authority = (struct slice){ raw.p + skip, n };
	return true;
}

/* RFC 3986 2.3: these are the same with and without an escape. */
static bool
is_unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* The byte that the escape at p stands for, or -1. */
static int
escaped(const char *p, const char *end)
{
	int high, low;

	if (end - p < 3 || p[0] != '%')
		return -1;
	high = chars_hex(p[1]);
	low = chars_hex(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/*
 * UTF-8 that spells a short character long: no encoder makes it, and a
 * careless decoder finds a slash or a dot in it.
 */
static bool
is_overlong(int byte, const char *next, const char *end)
{
	int second = escaped(next, end);

	return byte == 0xc0 || byte == 0xc1 ||
	    (byte == 0xe0 && second >= 0x80 && second < 0xa0) ||
	    (byte == 0xf0 && second >= 0x80 && second < 0x90);
}

static enum target_verdict
copy_escape(struct walk *w)
{
	static const char digits[] = "0123456789ABCDEF";
	int byte = escaped(w->in, w->end);

	if (byte < 0)
		return TARGET_BAD_ESCAPE;
	w->in += 3;
	if (byte == '/' || byte == '\\' || byte == 0 ||
	    is_overlong(byte, w->in, w->end))
		return TARGET_ENCODED_SEPARATOR;
	if (is_unreserved((unsigned char)byte)) {
		*w->out++ = (char)byte;
		return TARGET_OK;
	}
	*w->out++ = '%';
	*w->out++ = digits[byte >> 4];
	*w->out++ = digits[byte & 15];
	return TARGET_OK;
}

/* Some programs cut parameters off before they look at what is left, and some
 * undo escapes before that. */
static bool
is_parameter(struct slice text)
{
	return text.len > 0 && (text.p[0] == ';' ||
	    slice_starts_nocase(text, SLICE("%3B")));
}

/* Nothing, or one or two dots, begin the segment just written and are all of
 * it, or are followed by a parameter.  Behind the last slash some servers have
 * parameters alone ("/;jsessionid="), and nothing comes of it. */
static enum target_verdict
end_segment(struct walk *w, bool last)
{
	size_t len = (size_t)(w->out - w->segment);
	size_t dots = 0;

	while (dots < len && dots < 3 && w->segment[dots] == '.')
		dots++;
	if (len == 0 && !last)
		return TARGET_EMPTY_SEGMENT;
	if (dots <= 2 && (dots > 0 || !last) && is_parameter((struct slice){
	    w->segment + dots, len - dots }))
		return TARGET_PARAMETER;
	if (dots != len || len == 0 || len > 2) {
		if (!last)
			*w->out++ = '/';
		w->segment = w->out;
		return TARGET_OK;
	}
	w->out = w->segment;
	if (len == 1)
		return TARGET_OK;
	if (w->segment == w->begin + 1)
		return TARGET_ABOVE_ROOT;
	do
		w->segment--;
	while (w->segment[-1] != '/');
	w->out = w->segment;
	return TARGET_OK;
}

/* RFC 3986 6.2.2, of a path that begins with /. */
static enum target_verdict
normalise_path(struct slice *path, char *out)
{
	struct walk w = { path->p + 1, path->p + path->len, out, out, out };
	enum target_verdict verdict = TARGET_OK;

	*w.out++ = '/';
	w.segment = w.out;
	while (w.in < w.end && verdict == TARGET_OK) {
		if (*w.in == '/') {
			w.in++;
			verdict = end_segment(&w, false);
		} else if (*w.in == '%') {
			verdict = copy_escape(&w);
		} else if (*w.in == '\\') {
			verdict = TARGET_BACKSLASH;
		} else {
			*w.out++ = *w.in++;
		}
	}
	if (verdict == TARGET_OK)
		verdict = end_segment(&w, true);
	*path = (struct slice){ out, (size_t)(w.out - out) };
	return verdict;
}

enum target_verdict
target_normalise(struct target *target, struct slice raw, char *out)
{
	static const struct slice root = SLICE("/");
	struct slice authority;
	const char *query;
	uint16_t port;

	*target = (struct target){ .path = raw };
	if (raw.len == 0 || chars_in_target(raw) < raw.len ||
	    memchr(raw.p, '#', raw.len) != NULL)
		return TARGET_BAD_FORM;
	if (slice_is(raw, "*")) {
		target->asterisk = true;
		return TARGET_OK;
	}
	if (raw.p[0] != '/') {
		if (!target_authority(raw, &authority, &port))
			return TARGET_BAD_FORM;
		raw.len -= (size_t)(authority.p - raw.p) + authority.len;
		raw.p = authority.p + authority.len;
	}
	query = raw.len == 0 ? NULL : memchr(raw.p, '?', raw.len);
	if (query != NULL) {
		target->query = (struct slice){ query + 1,
		    raw.len - (size_t)(query - raw.p) - 1 };
		raw.len = (size_t)(query - raw.p);
	}
	target->path = raw.len == 0 ? root : raw;
	/* Nothing that would be changed or refused. */
	if (chars_plain_path(target->path))
		return TARGET_OK;
	return normalise_path(&target->path, out);
}

bool
target_fits(struct slice raw, const char *path)
{
	size_t len = strlen(path);

	if (path[len - 1] == '?' && raw.len > len)
		raw.len = len;
	return slice_is(raw, path);
}
