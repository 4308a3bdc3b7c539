/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan ctl errors`, for people: each bad request's head, line by line
 * with its offsets, and a mark below the byte at which the rule was broken.
 */
#include <jansson.h>

#include "command/ctl.h"

/* How wide it stands there. */
static size_t
write_byte(char c, struct buf *out)
{
	size_t before = out->len;

	if (c == '\r')
		buf_text(out, "\\r");
	else if (c == '\n')
		buf_text(out, "\\n");
	else if (c == '\t')
		buf_text(out, "\\t");
	else if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
		buf_printf(out, "\\x%02x", (unsigned char)c);
	else
		buf_char(out, c);
	return out->len - before;
}

/* One line of it, which begins there; mark: where the fault is. */
static void
write_line(struct slice line, long long at, long long mark, struct buf *out)
{
	size_t column = 0, found = 0;

	buf_printf(out, "  %6lld  ", at);
	for (size_t i = 0; i < line.len; i++) {
		if (at + (long long)i == mark)
			found = column + 1;
		column += write_byte(line.p[i], out);
	}
	buf_char(out, '\n');
	if (found > 0)
		buf_printf(out, "          %*s\n", (int)found, "^");
}

static void
write_excerpt(const json_t *bad, struct buf *out)
{
	const json_t *text = json_object_get(bad, "excerpt");
	struct slice rest = { json_string_value(text),
	    json_string_length(text) };
	long long at = ctl_number(bad, "excerpt_offset");

	while (rest.len > 0) {
		const char *lf = memchr(rest.p, '\n', rest.len);
		struct slice line = { rest.p, lf == NULL ? rest.len :
		    (size_t)(lf - rest.p) + 1 };

		write_line(line, at, ctl_number(bad, "offset"), out);
		at += (long long)line.len;
		rest.p += line.len;
		rest.len -= line.len;
	}
}

static void
write_bad(const json_t *bad, struct buf *out)
{
	const char *sentence = ctl_text(bad, "sentence");
	const char *part = ctl_text(bad, "part");

	buf_printf(out, "\n%s  %s port %lld  ", ctl_text(bad, "time"),
	    ctl_text(bad, "peer"), ctl_number(bad, "port"));
	if (ctl_number(bad, "status") != 0)
		buf_printf(out, "%lld ", ctl_number(bad, "status"));
	buf_text(out, ctl_text(bad, "rule"));
	if (strcmp(part, "head") == 0 || strcmp(part, "body") == 0)
		buf_printf(out, ", byte %lld of the %s",
		    ctl_number(bad, "offset"), part);
	if (ctl_text(bad, "request_id")[0] != '\0')
		buf_printf(out, ", request %s", ctl_text(bad, "request_id"));
	buf_printf(out, "\n%s%s", sentence, sentence[0] != '\0' ? "\n" : "");
	write_excerpt(bad, out);
}

bool
ctl_errors_text(struct slice json, struct buf *out)
{
	json_t *all = json_loadb(json.p, json.len, JSON_ALLOW_NUL, NULL);
	const json_t *listener, *bad;
	size_t i, k;

	if (!json_is_object(all)) {
		json_decref(all);
		return false;
	}
	json_array_foreach(json_object_get(all, "listeners"), i, listener) {
		const json_t *list = json_object_get(listener, "requests");

		buf_printf(out, "%slistener %s%s: %lld bad requests since the "
		    "start%s\n", i > 0 ? "\n" : "", ctl_text(listener, "name"),
		    json_is_true(json_object_get(listener, "gone")) ?
		    " (gone)" : "", ctl_number(listener, "total"),
		    json_array_size(list) > 0 ? "; the last ones:" : "");
		json_array_foreach(list, k, bad)
			write_bad(bad, out);
	}
	json_decref(all);
	return true;
}
