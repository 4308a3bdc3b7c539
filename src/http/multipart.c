/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/multipart.h"

#include "http/chars.h"
#include "http/fields.h"
#include "http/h1_parse.h"

enum state {
	FIRST,				/* the boundary that begins the body */
	HEAD,				/* the fields of a part */
	CONTENT,
	CLOSED,
	BROKEN,
};

/* --- the boundary ------------------------------------------------------------ */

/* RFC 2046 5.1.1, where a space may not come last. */
static bool
good_boundary(struct slice s)
{
	static const char marks[] = "'()+_,-./:=? ";

	if (s.len == 0 || s.len > MULTIPART_BOUNDARY_MAX ||
	    s.p[s.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    memchr(marks, c, sizeof(marks) - 1) == NULL)
			return false;
	}
	return true;
}

/* A token, or what stands in quotes; backslashes are refused later. */
static bool
read_boundary(struct slice value, struct slice *boundary)
{
	if (value.len >= 2 && value.p[0] == '"' &&
	    value.p[value.len - 1] == '"') {
		value.p++;
		value.len -= 2;
	} else if (!chars_all_token(value)) {
		return false;
	}
	*boundary = value;
	return good_boundary(value);
}

bool
multipart_init(struct multipart *m, struct slice content_type)
{
	static const struct slice type = SLICE("multipart/form-data");
	static const struct slice key = SLICE("boundary");
	struct slice part, name, value, boundary = { NULL, 0 };

	if (!fields_part(&content_type, &part) || !slice_eq_nocase(part, type))
		return false;
	while (fields_part(&content_type, &part)) {
		if (!fields_param(part, &name, &value))
			return false;
		if (!slice_eq_nocase(name, key))
			continue;
		if (boundary.p != NULL || !read_boundary(value, &boundary))
			return false;
	}
	if (boundary.p == NULL)
		return false;
	*m = (struct multipart){ .state = FIRST };
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary.p, boundary.len);
	m->delimiter_len = 4 + boundary.len;
	return true;
}

/* --- the fields of a part ------------------------------------------------------ */

static struct multipart_span
span_of(struct slice body, struct slice s)
{
	return (struct multipart_span){ (size_t)(s.p - body.p), s.len };
}

static struct slice
slice_at(struct slice body, struct multipart_span span)
{
	return (struct slice){ body.p + span.at, span.len };
}

/*
 * The value of a parameter of Content-Disposition, taken off the front of
 * *rest.  RFC 2183 lets a backslash escape a quote, browsers write %22
 * instead and mean every backslash: where the two differ about the end of the
 * string, the part is refused.
 */
static bool
take_value(struct slice *rest, struct slice *value)
{
	const char *close;

	if (rest->len == 0)
		return false;
	if (rest->p[0] != '"') {
		*value = (struct slice){ rest->p, chars_in_token(*rest) };
		rest->p += value->len;
		rest->len -= value->len;
		return value->len > 0;
	}
	close = memchr(rest->p + 1, '"', rest->len - 1);
	if (close == NULL || close[-1] == '\\')
		return false;
	*value = (struct slice){ rest->p + 1,
	    (size_t)(close - rest->p) - 1 };
	rest->len -= value->len + 2;
	rest->p = close + 1;
	return true;
}

/* "; name=value" off the front of *rest. */
static bool
take_param(struct slice *rest, struct slice *name, struct slice *value)
{
	if (rest->p[0] != ';')
		return false;
	*rest = slice_trim((struct slice){ rest->p + 1, rest->len - 1 });
	*name = (struct slice){ rest->p, chars_in_token(*rest) };
	if (name->len == 0 || name->len == rest->len ||
	    rest->p[name->len] != '=')
		return false;
	rest->p += name->len + 1;
	rest->len -= name->len + 1;
	if (!take_value(rest, value))
		return false;
	*rest = slice_trim(*rest);
	return true;
}

/* form-data; name="..."; filename="..." */
static bool
read_disposition(struct multipart *m, struct slice body, struct slice rest)
{
	static const struct slice type = SLICE("form-data");
	struct slice name, value;
	bool has_name = false;

	if (!slice_starts_nocase(rest, type))
		return false;
	rest.p += type.len;
	rest.len -= type.len;
	rest = slice_trim(rest);
	m->has_filename = false;
	while (rest.len > 0) {
		if (!take_param(&rest, &name, &value))
			return false;
		if (slice_eq_nocase(name, SLICE("name"))) {
			if (has_name ||
			    memchr(value.p, '\\', value.len) != NULL)
				return false;
			has_name = true;
			m->name = span_of(body, value);
		} else if (slice_eq_nocase(name, SLICE("filename"))) {
			if (m->has_filename)
				return false;
			m->has_filename = true;
			m->filename = span_of(body, value);
		} else if (slice_starts_nocase(name, SLICE("name*"))) {
			return false;	/* RFC 7578 4.2 */
		}
	}
	return has_name;
}

static bool
is_identity(struct slice coding)
{
	return slice_eq_nocase(coding, SLICE("7bit")) ||
	    slice_eq_nocase(coding, SLICE("8bit")) ||
	    slice_eq_nocase(coding, SLICE("binary"));
}

static bool
read_part_field(struct multipart *m, struct slice body, struct slice line,
    bool *disposed)
{
	struct h1_field field;
	bool underscore;
	size_t at;

	if (h1_field_line(&field, line, &underscore, &at) != H1_OK)
		return false;
	if (slice_eq_nocase(field.name, SLICE("Content-Disposition"))) {
		if (*disposed)
			return false;
		*disposed = true;
		return read_disposition(m, body, field.value);
	}
	if (slice_eq_nocase(field.name, SLICE("Content-Transfer-Encoding")))
		return is_identity(field.value);
	if (field.id == FIELD_CONTENT_TYPE) {
		if (m->type.len > 0)
			return false;
		m->type = span_of(body, field.value);
	}
	return true;
}

/* The lines of a part's head, each still with its CRLF. */
static bool
read_part_head(struct multipart *m, struct slice body, struct slice head)
{
	bool disposed = false;
	unsigned fields = 0;

	m->type = (struct multipart_span){ 0, 0 };
	while (head.len > 0) {
		const char *lf = memchr(head.p, '\n', head.len);
		size_t n;

		if (lf == NULL || lf == head.p || lf[-1] != '\r')
			return false;
		n = (size_t)(lf - head.p) + 1;
		if (++fields > MULTIPART_FIELDS_MAX || !read_part_field(m,
		    body, (struct slice){ head.p, n - 2 }, &disposed))
			return false;
		head.p += n;
		head.len -= n;
	}
	return disposed;
}

/* --- the states -------------------------------------------------------------------- */

/* What the two bytes after a boundary say. */
static enum multipart_step
after_boundary(struct multipart *m, struct slice body, size_t at)
{
	if (body.len - at < 2)
		return MULTIPART_MORE;
	if (memcmp(body.p + at, "--", 2) == 0)
		m->state = CLOSED;
	else if (memcmp(body.p + at, "\r\n", 2) == 0)
		m->state = HEAD;
	else
		return MULTIPART_BAD;
	m->at = m->searched = at + 2;
	return MULTIPART_PART;
}

static enum multipart_step
read_first(struct multipart *m, struct slice body)
{
	size_t len = m->delimiter_len - 2;
	size_t have = body.len < len ? body.len : len;

	if (have > 0 && memcmp(body.p, m->delimiter + 2, have) != 0)
		return MULTIPART_BAD;
	return have < len ? MULTIPART_MORE : after_boundary(m, body, len);
}

/* The first occurrence at or after m->searched, which moves up. */
static const char *
search(struct multipart *m, struct slice body, const char *what, size_t len)
{
	const char *hit = memmem(body.p + m->searched, body.len - m->searched,
	    what, len);

	if (hit == NULL && body.len - m->searched >= len)
		m->searched = body.len - len + 1;
	return hit;
}

static enum multipart_step
read_head(struct multipart *m, struct slice body)
{
	const char *end = search(m, body, "\r\n\r\n", 4);
	struct slice head;

	/* Three bytes of the end may be there without the fourth. */
	if (end == NULL)
		return body.len - m->at > MULTIPART_HEAD_MAX + 3 ?
		    MULTIPART_BAD : MULTIPART_MORE;
	head = (struct slice){ body.p + m->at,
	    (size_t)(end - body.p) - m->at + 2 };
	if (head.len > MULTIPART_HEAD_MAX + 2 ||
	    ++m->parts > MULTIPART_PARTS_MAX ||
	    memmem(head.p - 2, head.len + 2, m->delimiter,
	    m->delimiter_len) != NULL || !read_part_head(m, body, head))
		return MULTIPART_BAD;
	m->at = m->searched = (size_t)(end - body.p) + 4;
	m->state = CONTENT;
	return MULTIPART_PART;
}

/*
 * Whether a boundary stands at the very front of the content, where its line
 * break is the one that ends the head: an end to some readers, not to others.
 */
static bool
boundary_in_front(const struct multipart *m, struct slice body)
{
	size_t len = m->delimiter_len - 2;

	return body.len - m->at >= len &&
	    memcmp(body.p + m->at, m->delimiter + 2, len) == 0;
}

static enum multipart_step
read_content(struct multipart *m, struct slice body,
    struct multipart_part *part)
{
	const char *end;
	size_t start = m->at;
	enum multipart_step step;

	if (boundary_in_front(m, body))
		return MULTIPART_BAD;
	end = search(m, body, m->delimiter, m->delimiter_len);
	if (end == NULL)
		return MULTIPART_MORE;
	step = after_boundary(m, body,
	    (size_t)(end - body.p) + m->delimiter_len);
	if (step != MULTIPART_PART)
		return step;
	part->name = slice_at(body, m->name);
	part->filename = m->has_filename ? slice_at(body, m->filename) :
	    (struct slice){ NULL, 0 };
	part->type = slice_at(body, m->type);
	part->content = (struct slice){ body.p + start,
	    (size_t)(end - body.p) - start };
	return MULTIPART_PART;
}

enum multipart_step
multipart_next(struct multipart *m, struct slice body,
    struct multipart_part *part)
{
	enum multipart_step step = MULTIPART_PART;

	if (m->state == FIRST)
		step = read_first(m, body);
	if (step == MULTIPART_PART && m->state == HEAD)
		step = read_head(m, body);
	else if (step == MULTIPART_PART && m->state == CLOSED)
		step = MULTIPART_END;
	if (step == MULTIPART_PART && m->state == CONTENT)
		step = read_content(m, body, part);
	if (step == MULTIPART_BAD)
		m->state = BROKEN;
	return m->state == BROKEN ? MULTIPART_BAD : step;
}
