/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/conninfo.h"

#include <string.h>

#include "base/buf.h"

static const struct slice hidden = SLICE("xxxxx");

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* password, sslpassword, oauth_client_secret; an escape may hide a letter. */
static bool
is_secret(struct slice keyword)
{
	return memmem(keyword.p, keyword.len, "password", 8) != NULL ||
	    memmem(keyword.p, keyword.len, "secret", 6) != NULL ||
	    memchr(keyword.p, '%', keyword.len) != NULL;
}

/* --- keyword = value ... ----------------------------------------------------------- */

static void
skip_spaces(struct slice *rest)
{
	while (rest->len > 0 && is_space(rest->p[0])) {
		rest->p++;
		rest->len--;
	}
}

/* Moves over n bytes of rest and returns them. */
static struct slice
take(struct slice *rest, size_t n)
{
	struct slice taken = { rest->p, n };

	rest->p += n;
	rest->len -= n;
	return taken;
}

/* The length of a value, quotes included; 0 and false if a quote stays open. */
static bool
value_length(struct slice rest, size_t *length)
{
	bool quoted = rest.len > 0 && rest.p[0] == '\'';
	size_t i = quoted ? 1 : 0;

	for (; i < rest.len; i++) {
		if (rest.p[i] == '\\')
			i++;
		else if (quoted ? rest.p[i] == '\'' : is_space(rest.p[i]))
			break;
	}
	*length = i + quoted < rest.len ? i + quoted : rest.len;
	return !quoted || i < rest.len;
}

static bool
hide_pairs(struct buf *out, struct slice rest)
{
	for (skip_spaces(&rest); rest.len > 0; skip_spaces(&rest)) {
		struct slice keyword, value;
		size_t n = 0;

		while (n < rest.len && rest.p[n] != '=' && !is_space(rest.p[n]))
			n++;
		keyword = take(&rest, n);
		skip_spaces(&rest);
		if (keyword.len == 0 || rest.len == 0 || rest.p[0] != '=')
			return false;
		take(&rest, 1);
		skip_spaces(&rest);
		if (!value_length(rest, &n))
			return false;
		value = take(&rest, n);
		buf_printf(out, "%s%.*s=", out->len > 0 ? " " : "",
		    SLICE_ARG(keyword));
		buf_slice(out, is_secret(keyword) ? hidden : value);
	}
	return true;
}

/* --- postgresql://user:password@host/dbname?keyword=value&... ------------------------ */

static size_t
length_before(struct slice text, char c)
{
	const char *at = text.len == 0 ? NULL : memchr(text.p, c, text.len);

	return at == NULL ? text.len : (size_t)(at - text.p);
}

static void
hide_in_query(struct buf *out, struct slice query)
{
	struct slice part;

	while (slice_split(&query, '&', &part)) {
		struct slice keyword = take(&part, length_before(part, '='));

		buf_slice(out, keyword);
		if (part.len > 0 && is_secret(keyword)) {
			buf_char(out, '=');
			buf_slice(out, hidden);
		} else {
			buf_slice(out, part);
		}
		if (query.p != NULL)
			buf_char(out, '&');
	}
}

/* A name and a password end with the last @ before a slash, as libpq reads it.
 * With a question mark before that nobody knows what was meant. */
static bool
hide_uri(struct buf *out, struct slice text, size_t scheme)
{
	struct slice front;
	const char *at;
	size_t name;

	buf_slice(out, take(&text, scheme));
	front = (struct slice){ text.p, length_before(text, '/') };
	at = front.len == 0 ? NULL : memrchr(front.p, '@', front.len);
	if (at != NULL) {
		front.len = (size_t)(at - front.p);
		name = length_before(front, ':');
		if (length_before(front, '?') < front.len)
			return false;
		buf_slice(out, take(&text, name));
		if (name < front.len)
			buf_printf(out, ":%.*s", SLICE_ARG(hidden));
		take(&text, front.len - name);
	}
	buf_slice(out, take(&text, length_before(text, '?')));
	if (text.len > 0) {
		buf_slice(out, take(&text, 1));
		hide_in_query(out, text);
	}
	return true;
}

const char *
conninfo_hide(struct arena *arena, struct slice text)
{
	static const struct slice schemes[] = { SLICE("postgresql://"),
	    SLICE("postgres://") };
	struct buf out = { 0 };
	size_t scheme = 0;
	const char *shown;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (slice_starts_nocase(text, schemes[i]))
			scheme = schemes[i].len;
	if (scheme > 0 ? !hide_uri(&out, text, scheme) :
	    !hide_pairs(&out, text)) {
		buf_clear(&out);
		buf_slice(&out, hidden);
	}
	shown = arena_strdup(arena, buf_cstr(&out));
	buf_fini(&out);
	return shown;
}
