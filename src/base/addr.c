/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

static int
addr_bits(const struct addr *a)
{
	return a->family == ADDR_IP4 ? 32 : 128;
}

/* As inet_pton(3): four decimal numbers without leading zeros.  That one is
 * four times as long on the way, and wants a C string. */
static bool
parse_ip4(uint8_t bytes[4], struct slice text)
{
	char copy[16] = { 0 };		/* so that what ends it is no digit */
	const char *p = copy;
	unsigned n, digit;

	if (text.len < 7 || text.len > 15)
		return false;
	memcpy(copy, text.p, text.len);
	for (int i = 0; i < 4; i++) {
		if (i > 0 && *p++ != '.')
			return false;
		n = (unsigned)(*p++ - '0');
		if (n > 9)
			return false;
		for (int more = 0; more < 2 &&
		    (digit = (unsigned)(*p - '0')) <= 9; more++, p++) {
			if (n == 0)
				return false;
			n = n * 10 + digit;
		}
		if (n > 255)
			return false;
		bytes[i] = (uint8_t)n;
	}
	return p == copy + text.len;
}

/* inet_pton(3) is strict; it only wants a C string. */
bool
addr_parse(struct addr *addr, struct slice text)
{
	char copy[ADDR_TEXT_MAX];
	struct addr a = { .family = ADDR_NONE };

	if (parse_ip4(a.bytes, text)) {
		a.family = ADDR_IP4;
		*addr = a;
		return true;
	}
	if (text.len == 0 || text.len >= sizeof(copy) ||
	    memchr(text.p, 0, text.len) != NULL)
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET6, copy, a.bytes) != 1)
		return false;
	a.family = ADDR_IP6;
	*addr = a;
	return true;
}

static bool
parse_port(uint16_t *port, struct slice text)
{
	uint64_t n;

	if (text.len > 5 || !slice_to_u64(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* "[v6]" or "[v6]:port". */
static bool
parse_bracketed(struct addr *addr, uint16_t *port, struct slice text)
{
	const char *bracket = memchr(text.p, ']', text.len);
	struct slice inside, rest;

	if (bracket == NULL)
		return false;
	inside = (struct slice){ text.p + 1, (size_t)(bracket - text.p) - 1 };
	rest = (struct slice){ bracket + 1, text.len - inside.len - 2 };
	if (!addr_parse(addr, inside) || addr->family != ADDR_IP6)
		return false;
	return rest.len == 0 || (rest.p[0] == ':' && parse_port(port,
	    (struct slice){ rest.p + 1, rest.len - 1 }));
}

bool
addr_parse_port(struct addr *addr, uint16_t *port, struct slice text)
{
	struct slice rest = text, ip;
	struct addr a;
	uint16_t n = 0;
	bool good;

	if (text.len > 0 && text.p[0] == '[')
		good = parse_bracketed(&a, &n, text);
	else if (addr_parse(&a, text))
		good = true;
	else
		good = text.len > 0 && slice_split(&rest, ':', &ip) &&
		    addr_parse(&a, ip) && parse_port(&n, rest);
	if (!good)
		return false;
	*addr = a;
	if (port != NULL)
		*port = n;
	return true;
}

/* What stands for a byte, the dot behind it, and how many these are. */
#define HUNDREDS(n)	{ { '0' + (n) / 100, '0' + (n) / 10 % 10, '0' + (n) % 10, \
			    '.' }, 4 }
#define TENS(n)		{ { '0' + (n) / 10, '0' + (n) % 10, '.' }, 3 }
#define ONES(n)		{ { '0' + (n), '.' }, 2 }
#define TEN(row, n)	row(n), row((n) + 1), row((n) + 2), row((n) + 3), row((n) + 4), \
			row((n) + 5), row((n) + 6), row((n) + 7), row((n) + 8), \
			row((n) + 9)
#define FIFTY(row, n)	TEN(row, n), TEN(row, (n) + 10), TEN(row, (n) + 20), \
			TEN(row, (n) + 30), TEN(row, (n) + 40)
static const struct {
	char		 text[4];
	uint8_t		 len;
} bytes_put[256] = {
	TEN(ONES, 0), TEN(TENS, 10), TEN(TENS, 20), TEN(TENS, 30), TEN(TENS, 40),
	FIFTY(TENS, 50), FIFTY(HUNDREDS, 100), FIFTY(HUNDREDS, 150), FIFTY(HUNDREDS, 200),
	HUNDREDS(250), HUNDREDS(251), HUNDREDS(252), HUNDREDS(253), HUNDREDS(254),
	HUNDREDS(255),
};

/* Without the printf inside inet_ntop(), which is 2,000 instructions: each
 * request writes three addresses. */
static char *
put_ip4(char *to, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		memcpy(to, bytes_put[bytes[i]].text, 4);
		to += bytes_put[bytes[i]].len;
	}
	return to - 1;
}

static char *
put_ip6(char *to, const uint8_t bytes[16])
{
	char text[ADDR_TEXT_MAX];

	must(inet_ntop(AF_INET6, bytes, text, sizeof(text)) != NULL);
	memcpy(to, text, strlen(text));
	return to + strlen(text);
}

char *
addr_put(char *to, const struct addr *addr)
{
	if (addr->family == ADDR_IP4)
		return put_ip4(to, addr->bytes);
	if (addr->family == ADDR_IP6)
		return put_ip6(to, addr->bytes);
	*to = '-';
	return to + 1;
}

const char *
addr_text(const struct addr *addr, char *text)
{
	char *end = addr_put(text, addr);

	must(end < text + ADDR_TEXT_MAX);
	*end = '\0';
	return text;
}

struct addr
addr_canonical_ip6(const struct addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	struct addr a = { .family = ADDR_IP4 };

	if (memcmp(addr->bytes, mapped, 12) != 0 &&
	    memcmp(addr->bytes, nat64, 12) != 0)
		return *addr;
	memcpy(a.bytes, addr->bytes + 12, 4);
	return a;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && (a->family == ADDR_NONE ||
	    memcmp(a->bytes, b->bytes, (size_t)addr_bits(a) / 8) == 0);
}

struct addr
addr_from_ip4(uint32_t ip)
{
	return (struct addr){ .family = ADDR_IP4, .bytes = {
	    (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
	    (uint8_t)ip } };
}

/* Clears the bits beyond the prefix; true if any was set. */
static bool
clear_host_bits(struct cidr *c)
{
	bool was_set = false;

	for (int i = 0; i < addr_bits(&c->base) / 8; i++) {
		int keep = c->bits - i * 8;
		uint8_t mask = keep >= 8 ? 0xff :
		    keep <= 0 ? 0 : (uint8_t)(0xff << (8 - keep));

		was_set |= (c->base.bytes[i] & ~mask) != 0;
		c->base.bytes[i] &= mask;
	}
	return was_set;
}

enum cidr_verdict
cidr_parse(struct cidr *cidr, struct slice text)
{
	struct slice rest = text, ip;
	struct cidr c;
	uint64_t bits;
	bool host_bits;

	if (!slice_split(&rest, '/', &ip) || !addr_parse(&c.base, ip))
		return CIDR_BAD;
	bits = (uint64_t)addr_bits(&c.base);
	/* "/08" is refused: elsewhere it might be read as octal. */
	if (rest.p != NULL && (rest.len > 3 || !slice_to_u64(rest, &bits) ||
	    (rest.len > 1 && rest.p[0] == '0') ||
	    bits > (uint64_t)addr_bits(&c.base)))
		return CIDR_BAD;
	c.bits = (uint8_t)bits;
	host_bits = clear_host_bits(&c);
	*cidr = c;
	return host_bits ? CIDR_HOST_BITS : CIDR_OK;
}

bool
cidr_contains(const struct cidr *net, const struct addr *addr)
{
	int whole = net->bits / 8, part = net->bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - part));

	/* A peer without an address is in no network, not even a zeroed one. */
	if (addr->family == ADDR_NONE || net->base.family != addr->family)
		return false;
	if (addr->family == ADDR_IP4)
		return net->bits == 0 || (addr_ip4(&net->base) ^
		    addr_ip4(addr)) >> (32 - net->bits) == 0;
	if (memcmp(net->base.bytes, addr->bytes, (size_t)whole) != 0)
		return false;
	return part == 0 ||
	    ((net->base.bytes[whole] ^ addr->bytes[whole]) & mask) == 0;
}
