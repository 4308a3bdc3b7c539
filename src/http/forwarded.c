/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/forwarded.h"

#include "http/chars.h"
#include "http/fields.h"

/* --- an element ------------------------------------------------------------ */

/* RFC 7239 4: none of them more than once in an element. */
static const struct slice known[] = {
	SLICE("for"), SLICE("by"), SLICE("host"), SLICE("proto"),
};

enum { KNOWN = sizeof(known) / sizeof(known[0]), FOR = 0 };

static int
known_as(struct slice name)
{
	for (int i = 0; i < KNOWN; i++)
		if (slice_eq_nocase(name, known[i]))
			return i;
	return -1;
}

/* A quoted string to its last byte (RFC 9110 5.6.4). */
static bool
is_quoted(struct slice value)
{
	size_t i = 1;

	if (value.len < 2 || value.p[0] != '"')
		return false;
	for (; i < value.len && value.p[i] != '"'; i++)
		if (value.p[i] == '\\')
			i++;
	return i + 1 == value.len;
}

/* A node has no use for backslashes, so none has to be taken out. */
static bool
read_node(struct slice value, struct slice *node)
{
	if (value.p[0] == '"') {
		value.p++;
		value.len -= 2;
	}
	*node = value;
	return value.len > 0 && memchr(value.p, '\\', value.len) == NULL;
}

bool
forwarded_for(struct slice element, struct slice *node)
{
	struct slice part, name, value;
	unsigned seen = 0;

	while (fields_part(&element, &part)) {
		int id;

		if (!fields_param(part, &name, &value) ||
		    !(chars_all_token(value) || is_quoted(value)))
			return false;
		id = known_as(name);
		if (id < 0)
			continue;	/* an extension's (RFC 7239 5.5) */
		if ((seen & 1u << id) != 0 ||
		    (id == FOR && !read_node(value, node)))
			return false;
		seen |= 1u << id;
	}
	return (seen & 1u << FOR) != 0;
}

/* --- a node ---------------------------------------------------------------- */

static bool
is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

/* 1 to 5 digits, or "_" and at least one of a name's. */
static bool
is_port(struct slice text)
{
	bool name = text.len > 1 && text.p[0] == '_';
	size_t i = name ? 1 : 0;

	if (text.len == 0 || (!name && text.len > 5))
		return false;
	for (; i < text.len; i++)
		if (name ? !is_name_char(text.p[i]) :
		    text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

static bool
read_ip6(struct addr *addr, struct slice text)
{
	struct addr a;

	if (text.len == 0 || !addr_parse(&a, text) || a.family != ADDR_IP6)
		return false;
	*addr = a;
	return true;
}

static bool
read_bracketed(struct addr *addr, struct slice node)
{
	const char *bracket = memchr(node.p, ']', node.len);
	struct slice inside, rest;

	if (bracket == NULL)
		return false;
	inside = (struct slice){ node.p + 1, (size_t)(bracket - node.p) - 1 };
	rest = (struct slice){ bracket + 1, node.len - inside.len - 2 };
	return (rest.len == 0 || (rest.p[0] == ':' && is_port(
	    (struct slice){ rest.p + 1, rest.len - 1 }))) &&
	    read_ip6(addr, inside);
}

bool
forwarded_addr(struct addr *addr, struct slice node)
{
	const char *colon;
	struct addr a;

	if (node.len == 0)
		return false;
	if (node.p[0] == '[')
		return read_bracketed(addr, node);
	colon = memchr(node.p, ':', node.len);
	if (colon != NULL && memchr(node.p, '.', (size_t)(colon - node.p)) ==
	    NULL)
		return read_ip6(addr, node);
	if (colon != NULL) {
		if (!is_port((struct slice){ colon + 1, node.len -
		    (size_t)(colon - node.p) - 1 }))
			return false;
		node.len = (size_t)(colon - node.p);
	}
	if (!addr_parse(&a, node) || a.family != ADDR_IP4)
		return false;
	*addr = a;
	return true;
}
