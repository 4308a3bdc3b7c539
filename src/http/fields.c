/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/fields.h"

#include "http/chars.h"

/*
 * The length of the first part of s, up to sep.  Quoted strings hide sep, and
 * so do comments where the field has them (RFC 9110 5.6.4, 5.6.5).
 */
static size_t
part_length(struct slice s, char sep, bool comments)
{
	unsigned depth = 0;
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '\\' && (quoted || depth > 0))
			i++;
		else if (c == '"' && depth == 0)
			quoted = !quoted;
		else if (comments && !quoted && c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == sep && !quoted && depth == 0)
			return i;
	}
	return s.len;
}

static bool
next_part(struct slice *rest, char sep, bool comments, struct slice *part)
{
	while (rest->len > 0) {
		size_t n = part_length(*rest, sep, comments);
		size_t skip = n < rest->len ? n + 1 : n;

		*part = slice_trim((struct slice){ rest->p, n });
		rest->p += skip;
		rest->len -= skip;
		if (part->len > 0)
			return true;
	}
	*part = (struct slice){ NULL, 0 };
	return false;
}

bool
fields_next(struct slice *rest, struct slice *element)
{
	return next_part(rest, ',', false, element);
}

bool
fields_part(struct slice *rest, struct slice *part)
{
	return next_part(rest, ';', false, part);
}

bool
fields_last(struct slice *rest, struct slice *element)
{
	const char *comma;

	*element = (struct slice){ NULL, 0 };
	if (rest->p == NULL)
		return false;
	comma = rest->len == 0 ? NULL : memrchr(rest->p, ',', rest->len);
	if (comma == NULL) {
		*element = slice_trim(*rest);
		*rest = (struct slice){ NULL, 0 };
		return true;
	}
	*element = slice_trim((struct slice){ comma + 1,
	    rest->len - (size_t)(comma - rest->p) - 1 });
	rest->len = (size_t)(comma - rest->p);
	return true;
}

bool
fields_param(struct slice part, struct slice *name, struct slice *value)
{
	size_t n = chars_in_token(part);

	if (n == 0 || n == part.len || part.p[n] != '=')
		return false;
	*name = (struct slice){ part.p, n };
	*value = (struct slice){ part.p + n + 1, part.len - n - 1 };
	return true;
}

bool
fields_has(struct slice list, struct slice token)
{
	struct slice element, first;

	while (fields_next(&list, &element))
		if (fields_part(&element, &first) &&
		    slice_eq_nocase(first, token))
			return true;
	return false;
}

/* --- over all fields of a head with one id --------------------------------- */

/* The next field with this id; start with *at = 0. */
static const struct h1_field *
next_field(const struct h1_head *head, enum field_id id, size_t *at)
{
	if (head->by[id] < 0)
		return NULL;
	while (*at < head->nfields) {
		const struct h1_field *field = &head->fields[(*at)++];

		if (field->id == id)
			return field;
	}
	return NULL;
}

/* protocol RWS received-by [ RWS comment ] */
static struct slice
received_by(struct slice hop)
{
	size_t n = 0;

	while (hop.len > 0 && hop.p[0] != ' ' && hop.p[0] != '\t') {
		hop.p++;
		hop.len--;
	}
	hop = slice_trim(hop);
	while (n < hop.len && hop.p[n] != ' ' && hop.p[n] != '\t')
		n++;
	return (struct slice){ hop.p, n };
}

bool
via_has(const struct h1_head *head, struct slice pseudonym)
{
	const struct h1_field *field;
	struct slice rest, hop;
	size_t at = 0;

	while ((field = next_field(head, FIELD_VIA, &at)) != NULL) {
		rest = field->value;
		while (next_part(&rest, ',', true, &hop))
			if (slice_eq_nocase(received_by(hop), pseudonym))
				return true;
	}
	return false;
}

bool
cdn_loop_has(const struct h1_head *head, struct slice cdn_id)
{
	const struct h1_field *field;
	size_t at = 0;

	while ((field = next_field(head, FIELD_CDN_LOOP, &at)) != NULL)
		if (fields_has(field->value, cdn_id))
			return true;
	return false;
}

/* --- Accept (RFC 9110 12.4.2, 12.5.1) ---------------------------------------- */

/* "1", "0.5", "0.125" in thousandths; malformed ones count as 0. */
static unsigned
read_weight(struct slice value)
{
	unsigned weight, unit = 100;

	if (value.len == 0 || value.len > 5 ||
	    (value.p[0] != '0' && value.p[0] != '1') ||
	    (value.len > 1 && value.p[1] != '.'))
		return 0;
	weight = value.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < value.len; i++, unit /= 10) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return 0;
		weight += (unsigned)(value.p[i] - '0') * unit;
	}
	return weight > 1000 ? 0 : weight;
}

enum specific { COVERS_NOT, COVERS_ANY, COVERS_FAMILY, COVERS_TYPE };

static enum specific
covers(struct slice range, struct slice type)
{
	const char *slash = memchr(type.p, '/', type.len);
	size_t family = slash == NULL ? 0 : (size_t)(slash - type.p) + 1;

	if (slice_eq_nocase(range, type))
		return COVERS_TYPE;
	if (slice_is(range, "*/*"))
		return COVERS_ANY;
	if (family > 0 && range.len == family + 1 &&
	    range.p[family] == '*' && slice_starts_nocase(range,
	    (struct slice){ type.p, family }))
		return COVERS_FAMILY;
	return COVERS_NOT;
}

/* How one element covers the type, and its weight. */
static enum specific
read_range(struct slice element, struct slice type, unsigned *weight)
{
	static const struct slice q = SLICE("q");
	struct slice range, part, name, value;
	enum specific how;

	*weight = 1000;
	if (!fields_part(&element, &range))
		return COVERS_NOT;
	how = covers(range, type);
	if (how == COVERS_NOT)
		return how;
	while (fields_part(&element, &part))
		if (fields_param(part, &name, &value) &&
		    slice_eq_nocase(name, q))
			*weight = read_weight(value);
	return how;
}

/* The most specific range for the type; its weight, 0 where none is. */
static enum specific
read_accept(struct slice accept, struct slice type, unsigned *best)
{
	enum specific most = COVERS_NOT, how;
	struct slice element;
	unsigned weight;

	*best = 0;
	while (fields_next(&accept, &element)) {
		how = read_range(element, type, &weight);
		if (how > most || (how == most && how != COVERS_NOT &&
		    weight > *best)) {
			most = how;
			*best = weight;
		}
	}
	return most;
}

unsigned
accept_weight(struct slice accept, struct slice type)
{
	unsigned weight;

	if (accept.p == NULL)
		return 1000;
	read_accept(accept, type, &weight);
	return weight;
}

bool
accept_names(struct slice accept, struct slice type)
{
	unsigned weight;

	return read_accept(accept, type, &weight) == COVERS_TYPE &&
	    weight > 0;
}

bool
accept_prefers_html(struct slice accept)
{
	static const struct slice html = SLICE("text/html");
	static const struct slice json = SLICE("application/json");
	static const struct slice problem = SLICE("application/problem+json");
	unsigned weight = accept_weight(accept, html);

	return accept_names(accept, html) &&
	    weight > accept_weight(accept, json) &&
	    weight > accept_weight(accept, problem);
}
