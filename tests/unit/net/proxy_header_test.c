/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* 81.2.69.160:1111 -> 127.0.0.1:80 */
#define IP4 "\x51\x02\x45\xa0\x7f\0\0\1\x04\x57\0\x50"
/* 2001:218::1:1111 -> ::1:80 */
#define IP6 "\x20\x01\x02\x18\0\0\0\0\0\0\0\0\0\0\0\1" \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x04\x57\0\x50"

/* What a header says, in one line. */
static const char *
told(const struct proxy_header *h)
{
	static const char *const kinds[] = { "local", "unknown", "unix", "" };
	static char text[512];
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	if (h->kind != PROXY_IP)
		return kinds[h->kind];
	snprintf(text, sizeof(text), "%s %u %s %u", addr_text(&h->source,
	    from), h->source_port, addr_text(&h->destination, to),
	    h->destination_port);
	return text;
}

/*
 * However few of the bytes are there, the verdict comes at one point and stays
 * the same; a good header is never refused before its end.
 */
static enum proxy_end
read_growing(struct proxy_header *h, struct slice bytes, const char **reason)
{
	enum proxy_end end = PROXY_MORE, next;
	struct proxy_header later;

	for (size_t n = 0; n <= bytes.len; n++) {
		/* Exactly so many, for the address sanitizer. */
		char *copy = malloc(n + 1);

		memcpy(copy, bytes.p, n);
		next = proxy_header_read(end == PROXY_DONE ? &later : h,
		    (struct slice){ copy, n }, reason);
		if (end != PROXY_MORE)
			assert_int_equal(next, end);
		else if (next == PROXY_DONE)
			assert_int_equal(n, h->consumed);
		else if (next == PROXY_MORE)
			assert_true(n < PROXY_HEADER_MAX);
		end = next;
		free(copy);
	}
	proxy_header_read(h, bytes, reason);
	return end;
}

/* --- version 1 ------------------------------------------------------------- */

static const struct good_line {
	const char	*line, *told;
} good_lines[] = {
	{ "PROXY TCP4 81.2.69.160 127.0.0.1 1111 80\r\n",
	    "81.2.69.160 1111 127.0.0.1 80" },
	{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    "255.255.255.255 65535 255.255.255.255 65535" },
	{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0 0.0.0.0 0" },
	{ "PROXY TCP6 2001:218::ABCD ::1 1111 80\r\n",
	    "2001:218::abcd 1111 ::1 80" },
	{ "PROXY TCP6 ::ffff:81.2.69.160 ::1 1111 80\r\n",
	    "::ffff:81.2.69.160 1111 ::1 80" },
	{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535" },
	{ "PROXY UNKNOWN\r\n", "unknown" },
	{ "PROXY UNKNOWN what ever  this is\r\n", "unknown" },
	/* The longest of all: 107 bytes. */
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "unknown" },
};

static void
lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_lines) / sizeof(*good_lines); i++) {
		const struct good_line *row = &good_lines[i];
		struct buf bytes = { 0 };
		struct proxy_header h;
		const char *reason = "";

		buf_printf(&bytes, "%sGET / HTTP/1.1\r\n\r\n", row->line);
		if (read_growing(&h, buf_all(&bytes), &reason) != PROXY_DONE)
			fail_msg("%s%s", row->line, reason);
		assert_string_equal(told(&h), row->told);
		assert_int_equal(h.consumed, strlen(row->line));
		assert_int_equal(h.version, 1);
		buf_fini(&bytes);
	}
}

static const struct bad_line {
	const char	*line, *reason;
} bad_lines[] = {
	{ "GET / HTTP/1.1\r\n", "is missing" },
	{ "\x16\x03\x01", "is missing" },		/* TLS */
	{ "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "is missing" },
	{ "\r\nPROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "is missing" },
	{ "PROXY\r\n", "is missing" },
	{ "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n", "is missing" },
	{ "PROXY \r\n", "names no known protocol" },
	{ "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "names no known protocol" },
	{ "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "names no known protocol" },
	{ "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "names no known protocol" },
	{ "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", "names no known protocol" },
	{ "PROXY UNKNOWNX\r\n", "names no known protocol" },
	{ "PROXY UNKNOWN\n", "CR LF" },
	{ "PROXY UNKNOWN\rX", "CR LF" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\nGET /\r\n", "CR LF" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rGET /\r\n", "CR LF" },
	{ "PROXY TCP4\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 2a\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 000002\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 host 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "no two addresses" },
	{ "PROXY TCP4 ::1 ::1 1 2\r\n", "no two addresses" },
	{ "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "no two addresses" },
	{ "PROXY TCP6 ::1%lo ::1 1 2\r\n", "no two addresses" },
	{ "PROXY TCP6 [::1] ::1 1 2\r\n", "no two addresses" },
	/* 108 bytes. */
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n",
	    "107 bytes" },
};

static void
wrong_lines_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(*bad_lines); i++) {
		const struct bad_line *row = &bad_lines[i];
		const char *reason = "";
		struct proxy_header h;

		if (read_growing(&h, slice_of(row->line), &reason) !=
		    PROXY_REFUSED || strstr(reason, row->reason) == NULL)
			fail_msg("%s'%s' is not '%s'", row->line, reason,
			    row->reason);
	}
}

static void
a_nul_is_no_end(void **state)
{
	const char *reason;
	struct proxy_header h;

	(void)state;
	assert_int_equal(read_growing(&h, SLICE("PROXY TCP4 1.2.3.4\0 "
	    "1.2.3.4 1 2\r\n"), &reason), PROXY_REFUSED);
}

/* --- version 2 ------------------------------------------------------------- */

/* The fixed part with this command and family, for rest; length < 0: its. */
static struct buf
header_of(unsigned command, unsigned family, int length, struct slice rest)
{
	struct buf b = { 0 };

	buf_slice(&b, SLICE(SIGNATURE));
	buf_char(&b, (char)command);
	buf_char(&b, (char)family);
	if (length < 0)
		length = (int)rest.len;
	buf_char(&b, (char)(length >> 8));
	buf_char(&b, (char)length);
	buf_slice(&b, rest);
	return b;
}

static char unix_names[216 + 4] = "/tmp/client";

static const struct block {
	unsigned	 command, family;
	int		 length;	/* -1: as it is */
	struct slice	 rest;
	const char	*told;		/* "!": refused, and why */
} blocks[] = {
	{ 0x21, 0x11, -1, SLICE(IP4), "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x12, -1, SLICE(IP4), "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x21, -1, SLICE(IP6), "2001:218::1 1111 ::1 80" },
	{ 0x21, 0x22, -1, SLICE(IP6), "2001:218::1 1111 ::1 80" },
	{ 0x20, 0x00, -1, SLICE(""), "local" },
	/* What LOCAL brings is discarded, whatever it is. */
	{ 0x20, 0x11, -1, SLICE(IP4), "local" },
	{ 0x20, 0xff, -1, SLICE("abc"), "local" },
	{ 0x21, 0x00, -1, SLICE(""), "unknown" },
	{ 0x21, 0x00, -1, SLICE("zzzzzz"), "unknown" },
	{ 0x21, 0x31, -1, { unix_names, 216 }, "unix" },
	{ 0x21, 0x32, -1, { unix_names, 216 }, "unix" },

	{ 0x11, 0x11, -1, SLICE(IP4), "!unknown version" },
	{ 0x31, 0x11, -1, SLICE(IP4), "!unknown version" },
	{ 0x01, 0x11, -1, SLICE(IP4), "!unknown version" },
	{ 0x22, 0x11, -1, SLICE(IP4), "!unknown command" },
	{ 0x2f, 0x11, -1, SLICE(IP4), "!unknown command" },
	{ 0x21, 0x10, -1, SLICE(IP4), "!unknown address family" },
	{ 0x21, 0x13, -1, SLICE(IP4), "!unknown address family" },
	{ 0x21, 0x01, -1, SLICE(IP4), "!unknown address family" },
	{ 0x21, 0x41, -1, SLICE(IP4), "!unknown address family" },
	{ 0x21, 0xf1, -1, SLICE(IP4), "!unknown address family" },
	{ 0x21, 0x11, 0, SLICE(IP4), "!too short" },
	{ 0x21, 0x11, 11, SLICE(IP4), "!too short" },
	{ 0x21, 0x21, -1, SLICE(IP4), "!too short" },
	{ 0x21, 0x31, -1, SLICE(IP4), "!too short" },
	{ 0x21, 0x31, -1, { unix_names, 215 }, "!too short" },
	{ 0x21, 0x31, -1, { unix_names, 218 }, "!longer than itself" },
	{ 0x21, 0x11, 16 * 1024 - 15, SLICE(IP4), "!16 KiB" },
	{ 0x21, 0x11, 65535, SLICE(IP4), "!16 KiB" },

	/* TLVs */
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01\0\x02h2"), "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x77\0\0"), "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x20\0\x05\x07\0\0\0\0"),
	    "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x20\0\x0c\x07\0\0\0\0\x21\0\x04" "1.30"),
	    "81.2.69.160 1111 127.0.0.1 80" },
	{ 0x21, 0x21, -1, SLICE(IP6 "\x04\0\x02\0\0"), "2001:218::1 1111 ::1 80" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01"), "!longer than itself" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01\0"), "!longer than itself" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01\0\x01"), "!longer than itself" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01\xff\xff" "abc"),
	    "!longer than itself" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x01\0\x01" "ab"), "!longer than itself" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x20\0\x01\x07"), "!damaged" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x20\0\x08\x07\0\0\0\0\x21\xff\xff"),
	    "!damaged" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x20\0\x06\x07\0\0\0\0\x21"), "!damaged" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x03\0\x04" "abcd"), "!wrong checksum" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x03\0\x03" "abc"), "!none, or two" },
	{ 0x21, 0x11, -1, SLICE(IP4 "\x03\0\0"), "!none, or two" },
};

static void
blocks_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		const struct block *row = &blocks[i];
		struct buf b = header_of(row->command, row->family,
		    row->length, row->rest);
		size_t len = b.len;
		const char *reason = "";
		struct proxy_header h;
		enum proxy_end end;

		buf_slice(&b, SLICE("GET / HTTP/1.1\r\n\r\n"));
		end = read_growing(&h, buf_all(&b), &reason);
		if (row->told[0] == '!') {
			if (end != PROXY_REFUSED ||
			    strstr(reason, row->told + 1) == NULL)
				fail_msg("row %zu: '%s'", i, reason);
		} else {
			if (end != PROXY_DONE)
				fail_msg("row %zu: '%s'", i, reason);
			assert_string_equal(told(&h), row->told);
			assert_int_equal(h.consumed, len);
			assert_int_equal(h.version, 2);
		}
		buf_fini(&b);
	}
}

static void
another_signature_is_none(void **state)
{
	struct buf b = header_of(0x21, 0x11, -1, SLICE(IP4));
	struct proxy_header h;
	const char *reason;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		b.p[i] ^= 1;
		assert_int_equal(read_growing(&h, buf_all(&b), &reason),
		    PROXY_REFUSED);
		assert_string_equal(reason, "is missing");
		b.p[i] ^= 1;
	}
	buf_fini(&b);
}

static void
the_longest_is_read(void **state)
{
	static char rest[PROXY_HEADER_MAX - 16];
	const size_t value = sizeof(rest) - 12 - 3;
	struct proxy_header h;
	const char *reason;
	struct buf b;

	(void)state;
	memcpy(rest, IP4, 12);
	rest[12] = 0x04;
	rest[13] = (char)(value >> 8);
	rest[14] = (char)value;
	b = header_of(0x21, 0x11, -1, (struct slice){ rest, sizeof(rest) });
	assert_int_equal(b.len, PROXY_HEADER_MAX);
	assert_int_equal(proxy_header_read(&h, (struct slice){ b.p,
	    b.len - 1 }, &reason), PROXY_MORE);
	assert_int_equal(proxy_header_read(&h, buf_all(&b), &reason),
	    PROXY_DONE);
	assert_int_equal(h.consumed, b.len);
	buf_fini(&b);
}

/* --- what TLVs say ----------------------------------------------------------- */

/* RFC 3720 B.4 */
static void
checksums_are_those_of_castagnoli(void **state)
{
	char bytes[32];

	(void)state;
	memset(bytes, 0, 32);
	assert_int_equal(crc32c(0, (struct slice){ bytes, 32 }), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(0, (struct slice){ bytes, 32 }), 0x62a8ab43);
	assert_int_equal(crc32c(crc32c(0, SLICE("1234")), SLICE("56789")),
	    0xe3069283);
}

/* With a TLV before and behind it, each byte is covered. */
static void
a_checksum_covers_everything(void **state)
{
	struct buf b = header_of(0x21, 0x11, -1, SLICE(IP4 "\x01\0\x02h2"
	    "\x03\0\x04\0\0\0\0" "\x04\0\x01x"));
	uint32_t crc = crc32c(0, buf_all(&b));
	const size_t at = 16 + 12 + 5 + 3;
	struct proxy_header h;
	const char *reason;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		b.p[at + i] = (char)(crc >> (24 - 8 * i));
	assert_int_equal(read_growing(&h, buf_all(&b), &reason), PROXY_DONE);
	for (size_t i = 16; i < b.len; i++) {
		if (i == at - 3)
			continue;	/* it would be no checksum then */
		b.p[i] ^= 0x10;
		assert_int_equal(proxy_header_read(&h, buf_all(&b), &reason),
		    PROXY_REFUSED);
		b.p[i] ^= 0x10;
	}
	buf_fini(&b);
}

static const struct endpoint_row {
	struct slice	 tlv;
	const char	*kept;
} endpoints[] = {
	{ SLICE("\xea\0\x16\x01vpce-08d2bf15fac5001c9"),
	    "vpce-08d2bf15fac5001c9" },
	{ SLICE("\xea\0\x02\x02x"), "" },	/* another subtype */
	{ SLICE("\xea\0\x01\x01"), "" },
	{ SLICE("\xea\0\0"), "" },
	{ SLICE("\xea\0\x04\x01" "a b"), "" },
	{ SLICE("\xea\0\x04\x01" "a\"b"), "" },
	{ SLICE("\xee\0\x05\x01\x2a\0\0\0"), "" },	/* Azure's */
};

static void
the_endpoint_of_aws_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const struct endpoint_row *row = &endpoints[i];
		struct buf rest = { 0 }, b;
		struct proxy_header h;
		const char *reason;

		buf_slice(&rest, SLICE(IP4));
		buf_slice(&rest, row->tlv);
		/* The length is the second byte of it, whatever was counted. */
		rest.p[14] = (char)(row->tlv.len - 3);
		b = header_of(0x21, 0x11, -1, buf_all(&rest));
		assert_int_equal(read_growing(&h, buf_all(&b), &reason),
		    PROXY_DONE);
		assert_true(slice_is(h.vpc_endpoint, row->kept));
		buf_fini(&rest);
		buf_fini(&b);
	}
}

static void
a_unique_id_is_kept(void **state)
{
	char rest[12 + 3 + 129] = IP4;
	struct proxy_header h;
	const char *reason;
	struct buf b;

	(void)state;
	rest[12] = 0x05;
	for (unsigned len = 0; len <= 129; len++) {
		rest[14] = (char)len;
		b = header_of(0x21, 0x11, -1, (struct slice){ rest,
		    12 + 3 + len });
		assert_int_equal(proxy_header_read(&h, buf_all(&b), &reason),
		    len > 128 ? PROXY_REFUSED : PROXY_DONE);
		if (len <= 128)
			assert_int_equal(h.unique_id.len, len);
		buf_fini(&b);
	}
}

static const struct {
	const char	*source, *destination;
	const char	*told;
} written[] = {
	{ "81.2.69.160:1111", "127.0.0.1:443", "81.2.69.160 1111 127.0.0.1 443" },
	{ "[2001:218::1]:1", "[::1]:443", "2001:218::1 1 ::1 443" },
	{ "81.2.69.160:1111", "[::1]:443",
	    "::ffff:81.2.69.160 1111 ::1 443" },
	/* As a socket that serves both tells it. */
	{ "[::ffff:81.2.69.160]:2", "[::ffff:127.0.0.1]:443",
	    "81.2.69.160 2 127.0.0.1 443" },
	{ "unix:/a", "unix:/b", "unknown" },
	{ "81.2.69.160:1111", "unix:/b", "unknown" },
};

static void
what_is_written_is_read(void **state)
{
	char bytes[PROXY_WRITE_MAX], longest[256];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		struct endpoint source, destination;
		struct proxy_header h;
		const char *reason = "";
		size_t len;

		assert_true(endpoint_parse(&source,
		    slice_of(written[i].source)));
		assert_true(endpoint_parse(&destination,
		    slice_of(written[i].destination)));
		len = proxy_header_write(bytes, &(struct proxy_told){
		    .source = &source, .destination = &destination,
		    .authority = { longest, 255 * (i % 2) },
		    .passed = i % 2 });
		if (read_growing(&h, (struct slice){ bytes, len }, &reason) !=
		    PROXY_DONE)
			fail_msg("row %zu: %s", i, reason);
		assert_int_equal(h.version, 2);
		assert_int_equal(h.consumed, len);
		assert_string_equal(told(&h), written[i].told);
		if (h.kind == PROXY_IP)
			assert_int_equal(h.passed, i % 2);
		len = proxy_header_write(bytes, &(struct proxy_told){
		    .local = true });
		assert_int_equal(read_growing(&h, (struct slice){ bytes, len },
		    &reason), PROXY_DONE);
		assert_string_equal(told(&h), "local");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(a_nul_is_no_end),
		cmocka_unit_test(blocks_are_read),
		cmocka_unit_test(another_signature_is_none),
		cmocka_unit_test(the_longest_is_read),
		cmocka_unit_test(checksums_are_those_of_castagnoli),
		cmocka_unit_test(a_checksum_covers_everything),
		cmocka_unit_test(the_endpoint_of_aws_is_kept),
		cmocka_unit_test(a_unique_id_is_kept),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
