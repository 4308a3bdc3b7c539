/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/client_address.h"

static struct addr
addr(const char *text)
{
	struct addr a = { .family = ADDR_NONE };

	if (text[0] != '\0' && !addr_parse(&a, slice_of(text)))
		fail_msg("%s is no address", text);
	return a;
}

/* 10/8, 2001:db8::/32 and, in its mapped spelling, 192.0.2.0/24. */
static const struct client_trust *
trust_of(struct arena *arena, unsigned hops, enum client_field field)
{
	static const char *const nets[] = { "10.0.0.0/8", "2001:db8::/32",
	    "::ffff:192.0.2.0/120" };
	struct cidr cidrs[3];

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(cidr_parse(&cidrs[i], slice_of(nets[i])),
		    CIDR_OK);
	return client_trust_build(arena, cidrs, 3, hops, field);
}

struct row {
	const char	*peer;
	const char	*lines;		/* whole field lines without Host */
	const char	*client;	/* "" unknown */
	enum client_source source;
	unsigned	 hop;
	bool		 trusted;
};

static void
check(const struct client_trust *trust, const struct row *row)
{
	static struct h1_head head;
	struct client_address client;
	struct addr peer = addr(row->peer);
	char text[6000], got[ADDR_TEXT_MAX];
	struct h1_end end;
	size_t seen = 0;

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n",
	    row->lines);
	assert_int_equal(h1_read_request(&head, slice_of(text), &seen, &end),
	    H1_DONE);
	client_address_find(trust, &peer, CLIENT_PEER, &head, &client);
	if (client.source != CLIENT_MALFORMED)
		assert_memory_equal(&client.nearest, &client.addr,
		    sizeof(client.addr));
	addr_text(&client.addr, got);
	if (strcmp(got, row->client[0] == '\0' ? "-" : row->client) != 0 ||
	    client.source != row->source || client.hop != row->hop ||
	    client.peer_trusted != row->trusted)
		fail_msg("%s from %s: %s %s hop %d", row->lines, row->peer, got,
		    client_source_name(client.source), client.hop);
}

static void
check_all(const struct row *rows, size_t count, unsigned hops,
    enum client_field field)
{
	struct arena *arena = arena_new(0);
	const struct client_trust *trust = trust_of(arena, hops, field);

	for (size_t i = 0; i < count; i++)
		check(trust, &rows[i]);
	arena_free(&arena);
}

#define XFF "X-Forwarded-For: "
#define FWD "Forwarded: "

static void
by_trusted_networks(void **state)
{
	static const struct row rows[] = {
		{ "203.0.113.9", "", "203.0.113.9", CLIENT_PEER, 0, false },
		/* a stranger's own word counts for nothing */
		{ "203.0.113.9", XFF "198.51.100.1\r\n", "203.0.113.9",
		    CLIENT_PEER, 0, false },
		{ "10.0.0.1", "", "10.0.0.1", CLIENT_PEER, 0, true },
		{ "10.0.0.1", XFF "198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		/* to the first untrusted one, not to the leftmost */
		{ "10.0.0.1", XFF "1.1.1.1, 198.51.100.1, 10.1.2.3\r\n",
		    "198.51.100.1", CLIENT_FORWARDED, 2, true },
		/* several lines are one list */
		{ "10.0.0.1", XFF "1.1.1.1\r\n" XFF "198.51.100.1\r\n"
		    "Accept: */*\r\n" XFF "10.1.2.3\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 2, true },
		/* all trusted: the leftmost */
		{ "10.0.0.1", XFF "10.0.0.3, 10.0.0.2\r\n", "10.0.0.3",
		    CLIENT_FORWARDED, 2, true },
		/* forms */
		{ "10.0.0.1", XFF "198.51.100.1:4711\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "2a00::1\r\n", "2a00::1", CLIENT_FORWARDED,
		    1, true },
		{ "10.0.0.1", XFF "[2a00::1]\r\n", "2a00::1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "[2a00::1]:443\r\n", "2a00::1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "::ffff:198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "64:ff9b::198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		/* junk ends the walk, and never further left */
		{ "10.0.0.1", XFF "198.51.100.1, unknown\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", XFF "198.51.100.1, junk, 10.0.0.2\r\n", "",
		    CLIENT_MALFORMED, 2, true },
		/* empty elements are none (RFC 9110 5.6.1.2) */
		{ "10.0.0.1", XFF "198.51.100.1,\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF ", 1.1.1.1, , 198.51.100.1,,10.0.0.2, ,\r\n",
		    "198.51.100.1", CLIENT_FORWARDED, 2, true },
		{ "10.0.0.1", XFF "1.1.1.1, junk, ,\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", XFF ",,,\r\n" XFF " , \r\n", "10.0.0.1",
		    CLIENT_PEER, 0, true },
		{ "10.0.0.1", XFF "198.51.100.1:99999\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "198.51.100.01\r\n", "", CLIENT_MALFORMED,
		    1, true },
		{ "10.0.0.1", XFF "\"198.51.100.1\"\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", XFF "198.51.100.1:\r\n", "", CLIENT_MALFORMED,
		    1, true },
		/* left of the first untrusted entry nothing is looked at */
		{ "10.0.0.1", XFF "junk, 198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", XFF "\r\n", "10.0.0.1", CLIENT_PEER, 0, true },
		/* the other field is not believed */
		{ "10.0.0.1", FWD "for=198.51.100.1\r\n", "10.0.0.1",
		    CLIENT_PEER, 0, true },
		/* peers in every spelling */
		{ "::ffff:10.0.0.1", XFF "198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "2001:db8::7", XFF "198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "192.0.2.7", XFF "198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "", XFF "198.51.100.1\r\n", "", CLIENT_PEER, 0, false },
	};

	(void)state;
	check_all(rows, sizeof(rows) / sizeof(rows[0]), 0, CLIENT_FIELD_XFF);
}

static void
by_number_of_hops(void **state)
{
	static const struct row rows[] = {
		{ "203.0.113.9", "", "203.0.113.9", CLIENT_PEER, 0, true },
		{ "203.0.113.9", XFF "1.1.1.1\r\n", "1.1.1.1",
		    CLIENT_FORWARDED, 1, true },
		{ "203.0.113.9", XFF "9.9.9.9, 1.1.1.1, 2.2.2.2\r\n",
		    "1.1.1.1", CLIENT_FORWARDED, 2, true },
		{ "203.0.113.9", XFF "9.9.9.9, 1.1.1.1, junk\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "203.0.113.9", XFF "junk, 1.1.1.1, 2.2.2.2\r\n",
		    "1.1.1.1", CLIENT_FORWARDED, 2, true },
	};

	(void)state;
	check_all(rows, sizeof(rows) / sizeof(rows[0]), 2, CLIENT_FIELD_XFF);
}

static void
by_forwarded(void **state)
{
	static const struct row rows[] = {
		{ "10.0.0.1", FWD "for=198.51.100.1\r\n", "198.51.100.1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", FWD "proto=https;For=\"198.51.100.1:80\";by=_x"
		    "\r\n", "198.51.100.1", CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", FWD "for=\"[2a00::1]:443\"\r\n", "2a00::1",
		    CLIENT_FORWARDED, 1, true },
		{ "10.0.0.1", FWD "for=\"[2a00::1]\", for=10.0.0.2\r\n",
		    "2a00::1", CLIENT_FORWARDED, 2, true },
		{ "10.0.0.1", FWD "for=1.1.1.1\r\n" FWD
		    "for=198.51.100.1\r\n" FWD "for=10.0.0.2\r\n",
		    "198.51.100.1", CLIENT_FORWARDED, 2, true },
		{ "10.0.0.1", FWD "for=1.1.1.1, for=unknown\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", FWD "for=1.1.1.1, for=_hidden\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", FWD "for=1.1.1.1, proto=https\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", FWD "for=1.1.1.1;for=2.2.2.2\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", FWD "for=\"1.1.1.1\r\n", "", CLIENT_MALFORMED,
		    1, true },
		/* a comma in quotes divides nothing */
		{ "10.0.0.1", FWD "for=1.1.1.1;x=\",for=2.2.2.2\"\r\n",
		    "1.1.1.1", CLIENT_FORWARDED, 1, true },
		/* a stranger's open quote cannot hide what a proxy added */
		{ "10.0.0.1", FWD "for=\"9.9.9.9, for=1.1.1.1\r\n", "",
		    CLIENT_MALFORMED, 1, true },
		{ "10.0.0.1", XFF "198.51.100.1\r\n", "10.0.0.1",
		    CLIENT_PEER, 0, true },
	};

	(void)state;
	check_all(rows, sizeof(rows) / sizeof(rows[0]), 0, CLIENT_FIELD_FORWARDED);
}

/* A list of trusted addresses only is walked so far and no further. */
static void
walks_have_an_end(void **state)
{
	struct arena *arena = arena_new(0);
	char xff[5000] = XFF "8.8.8.8", forwarded[5000] = FWD "for=8.8.8.8";
	struct row row = { "10.0.0.1", xff, "8.8.8.8", CLIENT_FORWARDED, 200,
	    true };

	(void)state;
	for (int i = 0; i < 199; i++)
		strcat(xff, ", 10.0.0.9");
	strcat(xff, "\r\n");
	for (int i = 0; i < 300; i++)
		strcat(forwarded, ", for=10.0.0.9");
	strcat(forwarded, "\r\n");
	check(trust_of(arena, 0, CLIENT_FIELD_XFF), &row);
	strcat(xff, XFF "10.0.0.9");
	for (int i = 0; i < 60; i++)
		strcat(xff, ", 10.0.0.9");
	strcat(xff, "\r\n");
	row = (struct row){ "10.0.0.1", xff, "", CLIENT_MALFORMED, 251, true };
	check(trust_of(arena, 0, CLIENT_FIELD_XFF), &row);
	row.lines = forwarded;
	row.hop = 1;			/* the line is not read at all */
	check(trust_of(arena, 0, CLIENT_FIELD_FORWARDED), &row);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_trusted_networks),
		cmocka_unit_test(by_number_of_hops),
		cmocka_unit_test(by_forwarded),
		cmocka_unit_test(walks_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
