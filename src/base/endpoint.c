/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/endpoint.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/must.h"

static bool
parse_unix(struct endpoint *e, struct slice path)
{
	if (path.len == 0 || path.p[0] != '/' ||
	    path.len >= sizeof(((struct sockaddr_un *)0)->sun_path) ||
	    memchr(path.p, 0, path.len) != NULL)
		return false;
	e->kind = ENDPOINT_UNIX;
	memcpy(e->name, path.p, path.len);
	return true;
}

static bool
is_name_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '.' || c == '_';
}

static bool
parse_name(struct endpoint *e, struct slice text)
{
	const char *colon = memchr(text.p, ':', text.len);
	size_t len = colon == NULL ? 0 : (size_t)(colon - text.p);
	bool only_numbers = true;
	uint64_t port;

	if (len == 0 || len >= sizeof(e->name) || !slice_to_u64((struct slice){
	    colon + 1, text.len - len - 1 }, &port) || port == 0 ||
	    port > UINT16_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_name_char(text.p[i]))
			return false;
		e->name[i] = ascii_lower(text.p[i]);
		only_numbers &= !(e->name[i] > '9' || e->name[i] == '-');
	}
	/* Digits and dots are an address or a mistake: "10.0.0.256:80".  A
	 * host named "unix" would be read as a path when it is read again. */
	if (only_numbers || strcmp(e->name, "unix") == 0)
		return false;
	e->kind = ENDPOINT_NAME;
	e->port = (uint16_t)port;
	return true;
}

/* "1.2.3.4:80" or "[::1]:80": here the port must be there. */
static bool
parse_ip(struct endpoint *e, struct slice text)
{
	const char *last = memrchr(text.p, ':', text.len);

	e->kind = ENDPOINT_IP;
	return last != NULL && addr_parse_port(&e->addr, &e->port, text) &&
	    (e->addr.family == ADDR_IP4 || (text.p[0] == '[' &&
	    last[-1] == ']'));
}

bool
endpoint_parse(struct endpoint *e, struct slice text)
{
	struct endpoint found = { .tls = false };
	size_t scheme = 0;

	if (slice_starts_nocase(text, SLICE("unix:"))) {
		if (!parse_unix(&found, (struct slice){ text.p + 5,
		    text.len - 5 }))
			return false;
		*e = found;
		return true;
	}
	if (slice_starts_nocase(text, SLICE("https://")))
		scheme = strlen("https://");
	else if (slice_starts_nocase(text, SLICE("http://")))
		scheme = strlen("http://");
	found.url = scheme > 0;
	found.tls = scheme == strlen("https://");
	text.p += scheme;
	text.len -= scheme;
	if (text.len == 0)
		return false;
	if (!parse_ip(&found, text)) {
		found.addr = (struct addr){ .family = ADDR_NONE };
		if (!parse_name(&found, text))
			return false;
	}
	*e = found;
	return true;
}

const char *
endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT])
{
	char ip[ADDR_TEXT_MAX];

	if (e->kind == ENDPOINT_UNIX)
		snprintf(text, ENDPOINT_TEXT, "unix:%s", e->name);
	else if (e->kind == ENDPOINT_NAME)
		snprintf(text, ENDPOINT_TEXT, "%s:%u", e->name, e->port);
	else
		snprintf(text, ENDPOINT_TEXT,
		    e->addr.family == ADDR_IP6 ? "[%s]:%u" : "%s:%u",
		    addr_text(&e->addr, ip), e->port);
	return text;
}

socklen_t
endpoint_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ss;
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	must(e->kind != ENDPOINT_NAME);
	memset(ss, 0, sizeof(*ss));
	if (e->kind == ENDPOINT_UNIX) {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%.*s",
		    (int)sizeof(un->sun_path) - 1, e->name);
		return sizeof(*un);
	}
	if (e->addr.family == ADDR_IP4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(e->port);
	memcpy(&in6->sin6_addr, e->addr.bytes, 16);
	return sizeof(*in6);
}

void
endpoint_of_sockaddr(struct endpoint *e, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	memset(e, 0, sizeof(*e));
	if (sa->sa_family == AF_INET) {
		e->addr.family = ADDR_IP4;
		memcpy(e->addr.bytes, &in->sin_addr, 4);
		e->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		e->addr.family = ADDR_IP6;
		memcpy(e->addr.bytes, &in6->sin6_addr, 16);
		e->port = ntohs(in6->sin6_port);
	} else {
		e->kind = ENDPOINT_UNIX;
	}
}
