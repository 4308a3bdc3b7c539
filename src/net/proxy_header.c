/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/proxy_header.h"

#include "base/must.h"

enum {
	LINE_MAX_LEN = 107,		/* version 1, with its CR LF */
	FIXED_LEN = 16,			/* version 2: signature ... length */
	PORTS_LEN = 4,
	UNIX_LEN = 216,			/* two names of 108 bytes */
	UNIQUE_ID_MAX = 128,
	VPC_ENDPOINT_MAX = 63,
};

/* As in the document.  Nobody has to tell them from an HTTP request or a TLS
 * record here: where a header is read at all, nothing else is allowed. */
static const struct slice line_start = { "PROXY ", 6 };
static const struct slice signature = { "\r\n\r\n\0\r\nQUIT\n", 12 };

static enum proxy_end
refuse(const char **reason, const char *why)
{
	*reason = why;
	return PROXY_REFUSED;
}

static unsigned
byte_at(struct slice s, size_t at)
{
	return (unsigned char)s.p[at];
}

static uint16_t
u16_at(struct slice s, size_t at)
{
	return (uint16_t)(byte_at(s, at) << 8 | byte_at(s, at + 1));
}

static struct slice
part_of(struct slice s, size_t from, size_t len)
{
	must(from <= s.len && len <= s.len - from);
	return (struct slice){ s.p + from, len };
}

/* --- version 1 ------------------------------------------------------------ */

static bool
read_port(uint16_t *port, struct slice text)
{
	uint64_t n;

	if (text.len > 5 || (text.len > 1 && text.p[0] == '0') ||
	    !slice_to_u64(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* "source destination port port", and nothing else. */
static bool
read_words(struct proxy_header *h, struct slice words, enum addr_family family)
{
	struct slice source, destination, from, to;

	return slice_split(&words, ' ', &source) &&
	    slice_split(&words, ' ', &destination) &&
	    slice_split(&words, ' ', &from) &&
	    slice_split(&words, ' ', &to) && words.p == NULL &&
	    addr_parse(&h->source, source) && h->source.family == family &&
	    addr_parse(&h->destination, destination) &&
	    h->destination.family == family &&
	    read_port(&h->source_port, from) &&
	    read_port(&h->destination_port, to);
}

static enum proxy_end
read_line(struct proxy_header *h, struct slice line, const char **reason)
{
	struct slice words = part_of(line, line_start.len,
	    line.len - line_start.len), protocol;
	enum addr_family family;

	slice_split(&words, ' ', &protocol);
	/* Whatever follows UNKNOWN is to be ignored. */
	if (slice_is(protocol, "UNKNOWN")) {
		h->kind = PROXY_UNKNOWN;
		return PROXY_DONE;
	}
	if (slice_is(protocol, "TCP4"))
		family = ADDR_IP4;
	else if (slice_is(protocol, "TCP6"))
		family = ADDR_IP6;
	else
		return refuse(reason, "names no known protocol");
	if (!read_words(h, words, family))
		return refuse(reason, "has no two addresses of its protocol "
		    "and two ports");
	h->kind = PROXY_IP;
	return PROXY_DONE;
}

static enum proxy_end
read_v1(struct proxy_header *h, struct slice bytes, const char **reason)
{
	size_t len = 0;

	while (len < bytes.len && len < LINE_MAX_LEN &&
	    bytes.p[len] != '\r' && bytes.p[len] != '\n')
		len++;
	if (len + 2 > LINE_MAX_LEN)
		return refuse(reason, "has a line that does not end within "
		    "107 bytes");
	if (len == bytes.len)
		return PROXY_MORE;
	if (bytes.p[len] == '\r' && len + 1 == bytes.len)
		return PROXY_MORE;
	if (bytes.p[len] != '\r' || bytes.p[len + 1] != '\n')
		return refuse(reason, "has a line that does not end with "
		    "CR LF");
	h->version = 1;
	h->consumed = len + 2;
	return read_line(h, part_of(bytes, 0, len), reason);
}

/* --- version 2: type, length, value ----------------------------------------- */

enum tlv_type {
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_PASSED = 0xe0,
	TLV_AWS = 0xea,
};

struct tlv {
	unsigned	 type;
	struct slice	 value;
};

/* Half a byte a step: headers are short, and a larger table would push
 * something else out of the cache. */
uint32_t
crc32c(uint32_t crc, struct slice bytes)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	crc = ~crc;
	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (uint8_t)bytes.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Off the front of *rest; false if it is longer than that. */
static bool
next_tlv(struct tlv *tlv, struct slice *rest)
{
	size_t len;

	if (rest->len < 3)
		return false;
	len = u16_at(*rest, 1);
	if (rest->len - 3 < len)
		return false;
	tlv->type = byte_at(*rest, 0);
	tlv->value = part_of(*rest, 3, len);
	*rest = part_of(*rest, 3 + len, rest->len - 3 - len);
	return true;
}

/* Over the whole header, with zeros where the checksum stands. */
static bool
checksum_is_right(struct slice header, struct slice value)
{
	static const struct slice zeros = { "\0\0\0\0", 4 };
	size_t at = (size_t)(value.p - header.p);
	uint32_t crc = crc32c(0, part_of(header, 0, at));

	crc = crc32c(crc, zeros);
	crc = crc32c(crc, part_of(header, at + 4, header.len - at - 4));
	return crc == ((uint32_t)u16_at(value, 0) << 16 | u16_at(value, 2));
}

/* A byte of flags, the verdict on the client's certificate, and TLVs. */
static bool
ssl_is_whole(struct slice value)
{
	struct slice rest;
	struct tlv sub;

	if (value.len < 5)
		return false;
	rest = part_of(value, 5, value.len - 5);
	while (rest.len > 0)
		if (!next_tlv(&sub, &rest))
			return false;
	return true;
}

/* The range 0xE0..0xEF is anybody's: what does not look like AWS's is none. */
static void
keep_vpc_endpoint(struct proxy_header *h, struct slice value)
{
	if (value.len < 2 || value.len - 1 > VPC_ENDPOINT_MAX ||
	    value.p[0] != 0x01)
		return;
	for (size_t i = 1; i < value.len; i++) {
		char c = ascii_lower(value.p[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return;
	}
	h->vpc_endpoint = part_of(value, 1, value.len - 1);
}

static enum proxy_end
read_tlvs(struct proxy_header *h, struct slice header, size_t from,
    const char **reason)
{
	struct slice rest = part_of(header, from, header.len - from);
	bool checked = false;
	struct tlv tlv;

	while (rest.len > 0) {
		if (!next_tlv(&tlv, &rest))
			return refuse(reason, "has a TLV longer than itself");
		if (tlv.type == TLV_CRC32C) {
			if (tlv.value.len != 4 || checked)
				return refuse(reason, "has a checksum that is "
				    "none, or two");
			if (!checksum_is_right(header, tlv.value))
				return refuse(reason, "has a wrong checksum");
			checked = true;
		} else if (tlv.type == TLV_UNIQUE_ID) {
			if (tlv.value.len > UNIQUE_ID_MAX)
				return refuse(reason, "has a unique id beyond "
				    "128 bytes");
			h->unique_id = tlv.value;
		} else if (tlv.type == TLV_SSL) {
			if (!ssl_is_whole(tlv.value))
				return refuse(reason, "has a damaged TLV of "
				    "TLS");
		} else if (tlv.type == TLV_PASSED) {
			h->passed = slice_is(tlv.value, PROXY_PASSED);
		} else if (tlv.type == TLV_AWS) {
			keep_vpc_endpoint(h, tlv.value);
		}
	}
	return PROXY_DONE;
}

/* --- version 2: addresses ----------------------------------------------------- */

static struct addr
addr_at(struct slice header, size_t at, enum addr_family family)
{
	struct addr addr = { .family = (uint8_t)family };

	memcpy(addr.bytes, header.p + at, family == ADDR_IP4 ? 4 : 16);
	return addr;
}

static enum proxy_end
read_ip(struct proxy_header *h, struct slice header, enum addr_family family,
    const char **reason)
{
	const size_t width = family == ADDR_IP4 ? 4 : 16;
	const size_t ports = FIXED_LEN + 2 * width;

	if (header.len < ports + PORTS_LEN)
		return refuse(reason, "is too short for its addresses");
	h->kind = PROXY_IP;
	h->source = addr_at(header, FIXED_LEN, family);
	h->destination = addr_at(header, FIXED_LEN + width, family);
	h->source_port = u16_at(header, ports);
	h->destination_port = u16_at(header, ports + 2);
	return read_tlvs(h, header, ports + PORTS_LEN, reason);
}

static enum proxy_end
read_unix(struct proxy_header *h, struct slice header, const char **reason)
{
	if (header.len < FIXED_LEN + UNIX_LEN)
		return refuse(reason, "is too short for its addresses");
	h->kind = PROXY_UNIX;
	return read_tlvs(h, header, FIXED_LEN + UNIX_LEN, reason);
}

/*
 * LOCAL: the family and whatever follows are to be discarded.  Nor does
 * AF_UNSPEC say what its bytes are.  Values that the document does not list
 * "must be rejected as invalid".
 */
static enum proxy_end
read_block(struct proxy_header *h, struct slice header, const char **reason)
{
	if (byte_at(header, 12) == 0x20) {
		h->kind = PROXY_LOCAL;
		return PROXY_DONE;
	}
	switch (byte_at(header, 13)) {
	case 0x00:
		h->kind = PROXY_UNKNOWN;
		return PROXY_DONE;
	case 0x11:
	case 0x12:
		return read_ip(h, header, ADDR_IP4, reason);
	case 0x21:
	case 0x22:
		return read_ip(h, header, ADDR_IP6, reason);
	case 0x31:
	case 0x32:
		return read_unix(h, header, reason);
	default:
		return refuse(reason, "has an unknown address family or "
		    "protocol");
	}
}

static enum proxy_end
read_v2(struct proxy_header *h, struct slice bytes, const char **reason)
{
	size_t len;

	if (bytes.len > 12 && byte_at(bytes, 12) >> 4 != 2)
		return refuse(reason, "has an unknown version");
	if (bytes.len > 12 && (byte_at(bytes, 12) & 15) > 1)
		return refuse(reason, "has an unknown command");
	if (bytes.len < FIXED_LEN)
		return PROXY_MORE;
	len = FIXED_LEN + (size_t)u16_at(bytes, 14);
	if (len > PROXY_HEADER_MAX)
		return refuse(reason, "is larger than 16 KiB");
	if (bytes.len < len)
		return PROXY_MORE;
	h->version = 2;
	h->consumed = len;
	return read_block(h, part_of(bytes, 0, len), reason);
}

/* --- either ------------------------------------------------------------------ */

static bool
begins(struct slice bytes, struct slice start)
{
	size_t len = bytes.len < start.len ? bytes.len : start.len;

	return memcmp(bytes.p, start.p, len) == 0;
}

enum proxy_end
proxy_header_read(struct proxy_header *header, struct slice bytes,
    const char **reason)
{
	*header = (struct proxy_header){ .kind = PROXY_UNKNOWN };
	if (bytes.len == 0)
		return PROXY_MORE;
	if (begins(bytes, line_start))
		return bytes.len < line_start.len ? PROXY_MORE :
		    read_v1(header, bytes, reason);
	if (begins(bytes, signature))
		return bytes.len < signature.len ? PROXY_MORE :
		    read_v2(header, bytes, reason);
	return refuse(reason, "is missing");
}
