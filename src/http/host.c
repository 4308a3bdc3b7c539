/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/addr.h"
#include "http/chars.h"
#include "http/target.h"

enum { NAME_MAX_BYTES = 253, LABEL_MAX_BYTES = 63 };	/* RFC 1035 2.3.4 */

/* ":port", ":" (RFC 3986 3.2.3: no digit is a port, too) or nothing. */
static bool
read_port(struct slice s, uint16_t *port)
{
	uint64_t n;

	*port = 0;
	if (s.len == 0)
		return true;
	s.p++;
	s.len--;
	if (s.p[-1] != ':')
		return false;
	if (s.len == 0)
		return true;
	if (s.len > 5 || !slice_to_u64(s, &n) || s.p[0] == '0' ||
	    n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* Any spelling of an address becomes the one of RFC 5952. */
static bool
read_ip6(struct slice *host, uint16_t *port, struct slice raw, char *out)
{
	const char *close = memchr(raw.p, ']', raw.len);
	char text[ADDR_TEXT_MAX];
	struct slice inner, rest;
	struct addr addr;

	if (close == NULL)
		return false;
	inner = (struct slice){ raw.p + 1, (size_t)(close - raw.p) - 1 };
	rest = (struct slice){ close + 1, raw.len - inner.len - 2 };
	if (!addr_parse(&addr, inner) || addr.family != ADDR_IP6 ||
	    !read_port(rest, port))
		return false;
	addr_text(&addr, text);
	host->p = out;
	host->len = strlen(text) + 2;
	out[0] = '[';
	memcpy(out + 1, text, host->len - 2);
	out[host->len - 1] = ']';
	return true;
}

/* A name's bytes in lower case, and the dots between its labels; 0 for any
 * other. */
static const char name_char[256] = {
	['-'] = '-', ['.'] = '.', ['_'] = '_',
	['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
	'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
	['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
	'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
};

/* Copies a name in lower case; how much of raw it is, or 0 for a bad one. */
static size_t
read_name(struct slice raw, char *out)
{
	/* One more than a name's bytes: the dot that ends it. */
	size_t most = raw.len <= NAME_MAX_BYTES ? raw.len : NAME_MAX_BYTES + 1;
	size_t i, label = 0;		/* where the last label begins */
	char c;

	for (i = 0; i < most; i++) {
		c = name_char[(unsigned char)raw.p[i]];
		if (c == '\0')
			break;
		out[i] = c;
		if (c != '.')
			continue;
		if (i == label || i - label > LABEL_MAX_BYTES)
			return 0;
		label = i + 1;
	}
	if (i - label > LABEL_MAX_BYTES || (i < raw.len && raw.p[i] != ':') ||
	    (i > NAME_MAX_BYTES && label != i))
		return 0;
	return i;
}

static bool
host_read(struct slice *host, uint16_t *port, struct slice raw, char *out)
{
	size_t n;

	if (raw.len == 0)
		return false;
	if (raw.p[0] == '[')
		return read_ip6(host, port, raw, out);
	n = read_name(raw, out);
	if (n == 0 ||
	    !read_port((struct slice){ raw.p + n, raw.len - n }, port))
		return false;
	*host = (struct slice){ out, out[n - 1] == '.' ? n - 1 : n };
	return true;
}

bool
host_normalise(struct slice *host, struct slice raw, char *out)
{
	uint16_t port;

	return host_read(host, &port, raw, out);
}

bool
host_parse(struct host *host, struct slice raw)
{
	return host_read(&host->name, &host->port, raw, host->text);
}
