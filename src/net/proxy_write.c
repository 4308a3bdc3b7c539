/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * PROXY headers of version 2, as we send them.  A checksum is always there: a
 * reader that looks for none pays nothing.
 */
#include "base/must.h"
#include "net/proxy_header.h"

enum {
	FIXED = 16,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_PASSED = 0xe0,
	AUTHORITY_MOST = 255,
};

struct writer {
	char	*bytes;
	size_t	 len;
};

static void
put(struct writer *w, const void *p, size_t len)
{
	must(w->len + len <= PROXY_WRITE_MAX);
	if (len > 0)
		memcpy(w->bytes + w->len, p, len);
	w->len += len;
}

static void
put_u16(struct writer *w, size_t n)
{
	const uint8_t b[2] = { (uint8_t)(n >> 8), (uint8_t)n };

	put(w, b, 2);
}

static size_t
put_tlv(struct writer *w, uint8_t type, struct slice value)
{
	put(w, &type, 1);
	put_u16(w, value.len);
	put(w, value.p, value.len);
	return w->len - value.len;
}

/* IPv4 goes into IPv6 where the other one is of that. */
static void
put_addr(struct writer *w, const struct addr *addr, bool wide)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (wide && addr->family == ADDR_IP4)
		put(w, mapped, sizeof(mapped));
	put(w, addr->bytes, addr->family == ADDR_IP4 ? 4 : 16);
}

static bool
is_ip(const struct endpoint *e)
{
	return e->kind == ENDPOINT_IP && e->addr.family != ADDR_NONE;
}

/* The command PROXY; the family, and the addresses that it goes with. */
static void
put_addresses(struct writer *w, const struct proxy_told *told)
{
	struct addr source, destination;
	bool wide;

	if (!is_ip(told->source) || !is_ip(told->destination)) {
		put(w, "\x21\x00\0", 4);
		return;
	}
	source = addr_canonical(&told->source->addr);
	destination = addr_canonical(&told->destination->addr);
	wide = source.family != ADDR_IP4 || destination.family != ADDR_IP4;
	put(w, wide ? "\x21\x21\0" : "\x21\x11\0", 4);
	put_addr(w, &source, wide);
	put_addr(w, &destination, wide);
	put_u16(w, told->source->port);
	put_u16(w, told->destination->port);
}

size_t
proxy_header_write(char bytes[PROXY_WRITE_MAX], const struct proxy_told *told)
{
	struct writer w = { bytes, 0 };
	size_t sum;
	uint32_t crc;

	put(&w, "\r\n\r\n\0\r\nQUIT\n", 12);
	if (told->local) {
		put(&w, "\x20\x00\0", 4);
		return w.len;
	}
	put_addresses(&w, told);
	if (told->authority.len > 0 && told->authority.len <= AUTHORITY_MOST)
		put_tlv(&w, TLV_AUTHORITY, told->authority);
	if (told->passed)
		put_tlv(&w, TLV_PASSED, SLICE(PROXY_PASSED));
	sum = put_tlv(&w, TLV_CRC32C, (struct slice){ "\0\0\0", 4 });
	bytes[14] = (char)((w.len - FIXED) >> 8);
	bytes[15] = (char)(w.len - FIXED);
	crc = crc32c(0, (struct slice){ bytes, w.len });
	for (unsigned i = 0; i < 4; i++)
		bytes[sum + i] = (char)(crc >> 8 * (3 - i));
	return w.len;
}
