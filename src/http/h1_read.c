/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The lines of a head.  A head that is there whole, as nearly all are, is
 * read in one pass; one that comes in pieces is tried once, then searched for
 * its end, and read again when that has come.
 *
 * What is refused depends on the bytes alone, never on how they were cut:
 * every check looks at a whole line, or at what no later byte can mend.
 */

#include "http/chars16.h"
#include "http/h1_parse.h"
#include "http/target.h"

enum { METHOD_MAX = 32 };		/* the longest registered has 17 */

enum h1_progress
h1_refuse(struct h1_parse *p, enum h1_rule rule, const char *where)
{
	p->end->rule = rule;
	p->end->offset = (size_t)(where - p->bytes.p);
	return H1_REFUSED;
}

/*
 * Whether reading may now end otherwise than in H1_MORE: the empty line has
 * come, or something that h1_refuse()s.
 */
static bool
worth_reading(struct slice bytes, size_t *seen)
{
	size_t at = *seen;
	const char *lf;

	*seen = bytes.len;
	if (at == 0 || bytes.len >= H1_HEAD_MAX)
		return true;
	while (at < bytes.len &&
	    (lf = memchr(bytes.p + at, '\n', bytes.len - at)) != NULL) {
		size_t i = (size_t)(lf - bytes.p);

		if (lf[-1] != '\r' || (i >= 2 && lf[-2] == '\n'))
			return true;
		at = i + 1;
	}
	return bytes.len >= H1_LINE_MAX &&
	    memrchr(bytes.p + bytes.len - H1_LINE_MAX, '\n',
	    H1_LINE_MAX) == NULL;
}

/* A line that has to be looked at more closely. */
static enum h1_progress __attribute__((noinline))
any_line(struct h1_parse *p, struct slice *line, enum h1_rule too_long)
{
	const char *from = p->bytes.p + p->at;
	size_t left = p->bytes.len - p->at;
	const char *lf = left == 0 ? NULL : memchr(from, '\n',
	    left < H1_LINE_MAX ? left : H1_LINE_MAX);

	p->clean = false;
	if (lf == NULL)
		return left < H1_LINE_MAX ? H1_MORE :
		    h1_refuse(p, too_long, from);
	if (lf == from || lf[-1] != '\r')
		return h1_refuse(p, H1_BARE_CR_OR_LF, lf);
	*line = (struct slice){ from, (size_t)(lf - from) - 1 };
	p->at += line->len + 2;
	return H1_DONE;
}

/* The next line, without its end. */
static inline enum h1_progress
next_line(struct h1_parse *p, struct slice *line, enum h1_rule too_long)
{
	struct slice bytes = { p->bytes.p + p->at, p->bytes.len - p->at };

	if (bytes.len > H1_LINE_MAX)
		bytes.len = H1_LINE_MAX;
	line->p = bytes.p;
	line->len = chars_clean_line(bytes);
	if (line->len == CHARS_NO_LINE)
		return any_line(p, line, too_long);
	p->clean = true;
	p->at += line->len + 2;
	return H1_DONE;
}

/*
 * "HTTP/1.1" or "HTTP/1.0" at the front of text, whose length is right.  A
 * later minor version is read as the latest we know (RFC 9110 2.5).
 */
static enum h1_rule
read_version(struct h1_head *head, const char *text)
{
	if (memcmp(text, "HTTP/", 5) != 0 || text[6] != '.' ||
	    text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9')
		return H1_BAD_VERSION;
	if (text[5] != '1')
		return H1_OTHER_VERSION;
	head->minor = text[7] > '0';
	return H1_OK;
}

/*
 * RFC 9112 2.2 lets a server ignore an empty line before a request; we ignore
 * one.  Whatever speaks no HTTP here (a TLS hello, most of all) is told so at
 * its first byte and not when its time has run out.
 */
static enum h1_progress
before_request(struct h1_parse *p)
{
	const char *b = p->bytes.p;

	if (p->bytes.len == 0)
		return H1_MORE;
	if (b[0] == '\r') {
		if (p->bytes.len == 1)
			return H1_MORE;
		if (b[1] != '\n')
			return h1_refuse(p, H1_BARE_CR_OR_LF, b);
		p->at = 2;
		if (p->bytes.len == 2)
			return H1_MORE;
	}
	b += p->at;
	if (*b == '\n')
		return h1_refuse(p, H1_BARE_CR_OR_LF, b);
	if (!chars_is_token(*b))
		return h1_refuse(p, H1_BAD_METHOD, b);
	return H1_DONE;
}

static const struct {
	struct slice	 name;
	enum h1_method	 method;
} methods[] = {
	{ SLICE("GET"), METHOD_GET }, { SLICE("POST"), METHOD_POST },
	{ SLICE("PUT"), METHOD_PUT }, { SLICE("HEAD"), METHOD_HEAD },
	{ SLICE("OPTIONS"), METHOD_OPTIONS }, { SLICE("DELETE"), METHOD_DELETE },
	{ SLICE("PATCH"), METHOD_PATCH }, { SLICE("TRACE"), METHOD_TRACE },
	{ SLICE("CONNECT"), METHOD_CONNECT },
};

enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

static enum h1_method
identify_method(struct slice m)
{
	for (size_t i = 0; i < METHODS; i++)
		if (slice_eq(m, methods[i].name))
			return methods[i].method;
	return METHOD_OTHER;
}

enum h1_method
h1_method_begun(struct slice bytes)
{
	for (size_t i = 0; bytes.len >= H1_METHOD_BEGUN && i < METHODS; i++) {
		struct slice name = methods[i].name;
		size_t n = name.len < H1_METHOD_BEGUN ? name.len :
		    H1_METHOD_BEGUN;

		if (memcmp(bytes.p, name.p, n) == 0 &&
		    (n == H1_METHOD_BEGUN || bytes.p[n] == ' '))
			return methods[i].method;
	}
	return METHOD_OTHER;
}

/* The four forms of RFC 9112 3.2, each only where it belongs. */
static enum h1_progress
read_target(struct h1_parse *p)
{
	struct h1_head *head = p->head;
	struct slice t = head->target;
	size_t good = chars_in_target(t);
	struct host host;

	if (good < t.len)
		return h1_refuse(p, t.p[good] == '\r' ? H1_BARE_CR_OR_LF :
		    H1_BAD_TARGET, t.p + good);
	if (memchr(t.p, '#', t.len) != NULL)
		return h1_refuse(p, H1_BAD_TARGET, memchr(t.p, '#', t.len));
	if (head->method == METHOD_CONNECT) {
		if (!host_parse(&host, t) || host.port == 0)
			return h1_refuse(p, H1_BAD_TARGET, t.p);
		p->authority = t;
		p->authority_port = host.port;
		return H1_DONE;
	}
	if (t.p[0] == '/' ||
	    (head->method == METHOD_OPTIONS && slice_is(t, "*")))
		return H1_DONE;
	if (!target_authority(t, &p->authority, &p->authority_port) ||
	    !host_parse(&host, p->authority))
		return h1_refuse(p, H1_BAD_TARGET, t.p);
	/* RFC 9112 3.2.4: without a path the server as a whole is meant. */
	if (head->method == METHOD_OPTIONS &&
	    p->authority.p + p->authority.len == t.p + t.len)
		head->target = (struct slice)SLICE("*");
	return H1_DONE;
}

static enum h1_progress
read_request_line(struct h1_parse *p, struct slice line)
{
	struct h1_head *head = p->head;
	size_t n = chars_in_token(line);
	const char *space;
	enum h1_rule rule;

	if (n == 0 || n == line.len || line.p[n] != ' ')
		return h1_refuse(p, n < line.len && line.p[n] == '\r' ?
		    H1_BARE_CR_OR_LF : H1_BAD_METHOD, line.p + n);
	if (n > METHOD_MAX)
		return h1_refuse(p, H1_LONG_METHOD, line.p + n);
	head->method_text = (struct slice){ line.p, n };
	head->method = identify_method(head->method_text);
	line.p += n + 1;
	line.len -= n + 1;
	space = line.len == 0 ? NULL : memchr(line.p, ' ', line.len);
	if (space == NULL)
		return h1_refuse(p, H1_BAD_VERSION, line.p + line.len);
	head->target = (struct slice){ line.p, (size_t)(space - line.p) };
	if (head->target.len == 0)
		return h1_refuse(p, H1_BAD_TARGET, line.p);
	line.len -= head->target.len + 1;
	rule = line.len == 8 ? read_version(head, space + 1) : H1_BAD_VERSION;
	if (rule != H1_OK)
		return h1_refuse(p, rule, space + 1);
	return read_target(p);
}

/*
 * The space after the code is the sender's duty, its absence common and
 * without a second reading.
 */
static enum h1_progress
read_status_line(struct h1_parse *p, struct slice line)
{
	struct h1_head *head = p->head;
	unsigned code = 0;
	enum h1_rule rule;
	size_t good;

	if (line.len < 12)
		return h1_refuse(p, H1_BAD_STATUS_LINE, line.p);
	rule = read_version(head, line.p);
	if (rule != H1_OK)
		return h1_refuse(p, rule, line.p);
	for (size_t i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return h1_refuse(p, H1_BAD_STATUS_LINE, line.p + i);
		code = code * 10 + (unsigned)(line.p[i] - '0');
	}
	if (line.p[8] != ' ' || code < 100 || code > 599)
		return h1_refuse(p, H1_BAD_STATUS_LINE, line.p + 8);
	head->status = (uint16_t)code;
	if (line.len == 12)
		return H1_DONE;
	if (line.p[12] != ' ')
		return h1_refuse(p, H1_BAD_STATUS_LINE, line.p + 12);
	head->reason = (struct slice){ line.p + 13, line.len - 13 };
	good = chars_in_value(head->reason);
	if (good < head->reason.len)
		return h1_refuse(p, head->reason.p[good] == '\r' ?
		    H1_BARE_CR_OR_LF : H1_BAD_STATUS_LINE,
		    head->reason.p + good);
	return H1_DONE;
}

static void
take_field(struct h1_parse *p, const struct h1_field *field)
{
	struct h1_head *head = p->head;

	if (head->by[field->id] < 0)
		head->by[field->id] = (int8_t)head->nfields;
	else
		p->twice |= 1ull << field->id;
	head->nfields++;
}

static enum h1_progress
read_field(struct h1_parse *p, struct slice line)
{
	struct h1_field *field = &p->head->fields[p->head->nfields];
	bool underscore;
	enum h1_rule rule;
	size_t at;

	if (p->lines++ == H1_FIELDS_MAX)
		return h1_refuse(p, H1_TOO_MANY_FIELDS, line.p);
	if (p->clean && h1_usual_field(field, line)) {
		take_field(p, field);
		return H1_DONE;
	}
	rule = h1_field_line(field, line, &underscore, &at);
	if (rule != H1_OK)
		return h1_refuse(p, rule, line.p + at);
	if (underscore && !p->response)
		return field_spoofs(field->name) ?
		    h1_refuse(p, H1_SPOOFABLE_NAME, line.p) : H1_DONE;
	take_field(p, field);
	return H1_DONE;
}

static enum h1_progress
read_start_line(struct h1_parse *p)
{
	struct slice line;
	enum h1_progress progress;

	if (p->response) {
		/* As in before_request(): something else that is spoken may
		 * never come to the end of a line. */
		if (p->bytes.len > 0 && p->bytes.p[0] != 'H')
			return h1_refuse(p, H1_BAD_STATUS_LINE, p->bytes.p);
		progress = next_line(p, &line, H1_LINE_TOO_LONG);
		return progress != H1_DONE ? progress :
		    read_status_line(p, line);
	}
	progress = before_request(p);
	if (progress == H1_DONE)
		progress = next_line(p, &line, H1_TARGET_TOO_LONG);
	return progress != H1_DONE ? progress : read_request_line(p, line);
}

static enum h1_progress
read_lines(struct h1_parse *p)
{
	enum h1_progress progress = read_start_line(p);
	struct slice line;

	while (progress == H1_DONE) {
		progress = next_line(p, &line, H1_LINE_TOO_LONG);
		if (progress != H1_DONE)
			break;
		if (line.len == 0)
			return h1_understand(p);
		progress = read_field(p, line);
	}
	return progress;
}

/* All but the 4 KiB of fields, which nfields makes invisible. */
static void
clear(struct h1_head *head)
{
	memset(head, 0, offsetof(struct h1_head, fields));
	memset(head->by, -1, sizeof(head->by));
}

static enum h1_progress
read_head(struct h1_parse *p, size_t *seen)
{
	enum h1_progress progress;

	if (!worth_reading(p->bytes, seen))
		return H1_MORE;
	if (p->bytes.len > H1_HEAD_MAX)
		p->bytes.len = H1_HEAD_MAX;
	clear(p->head);
	progress = read_lines(p);
	if (progress == H1_DONE)
		p->end->consumed = p->at;
	if (progress == H1_MORE && p->bytes.len == H1_HEAD_MAX)
		return h1_refuse(p, H1_HEAD_TOO_LONG,
		    p->bytes.p + H1_HEAD_MAX);
	return progress;
}

enum h1_progress
h1_read_request(struct h1_head *head, struct slice bytes, size_t *seen,
    struct h1_end *end)
{
	struct h1_parse p = { .head = head, .end = end, .bytes = bytes };

	return read_head(&p, seen);
}

enum h1_progress
h1_read_response(struct h1_head *head, struct slice bytes, size_t *seen,
    enum h1_method request_method, struct h1_end *end)
{
	struct h1_parse p = { .head = head, .end = end, .bytes = bytes,
	    .response = true, .asked = request_method };

	return read_head(&p, seen);
}
