/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "heads.h"

#include <stdio.h>

#include "edge/upstream_head.h"

#define REQUEST(fields) "GET /api/run/1 HTTP/1.1\r\n" \
	"Host: flow.example.com\r\n" fields "\r\n"

/* As an edge named US writes for a peer at 192.0.2.7. */
static struct head_front
front_of(const struct h1_head *head, const struct addr *peer)
{
	return (struct head_front){
		.head = head, .path = SLICE("/api/run/1"), .peer = peer,
		.proto = SLICE("http"), .host = SLICE("flow.example.com"),
		.port = SLICE("8080"), .via = SLICE("1.1 portolan-us"),
		.pseudonym = SLICE("portolan-us"),
		.request_id = SLICE("0123"), .span_id = "00f067aa0ba902b7",
		.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
	};
}

enum from { STRANGER, TRUSTED, EDGE };

/* RFC 9440: ours where there is one, whatever the client says; an edge has
 * said it for us. */
static void
a_certificate_is_told_by_us_alone(void **state)
{
	struct addr peer = addr_from_ip4(0xc0000207);
	struct buf out = { 0 };
	struct h1_head head;
	struct head_front front;

	(void)state;
	head_of(&head, REQUEST("Client-Cert: :Rm9yZ2Vk:\r\n"));
	front = front_of(&head, &peer);
	front.certificate = SLICE(":T3Vycw==:");
	head_front_write(&out, &front);
	assert_int_equal(lines_with(&out, "Client-Cert:"), 1);
	assert_int_equal(lines_with(&out, "Client-Cert: :T3Vycw==:"), 1);
	front.link = front.trusted = true;
	buf_clear(&out);
	head_front_write(&out, &front);
	assert_int_equal(lines_with(&out, "Client-Cert:"), 1);
	assert_int_equal(lines_with(&out, "Client-Cert: :Rm9yZ2Vk:"), 1);
	buf_fini(&out);
}

static void
write_front(struct buf *out, const char *request, enum from from)
{
	struct addr peer = addr_from_ip4(0xc0000207);
	struct h1_head head;
	struct head_front front;

	head_of(&head, request);
	front = front_of(&head, &peer);
	front.trusted = from != STRANGER;
	front.link = from == EDGE;
	buf_clear(out);
	head_front_write(out, &front);
}

/* What becomes of one field line: itself, nothing, or something else. */
static const struct {
	const char	*field;		/* with its end */
	const char	*stranger, *trusted;	/* without; NULL: not a line */
} passing[] = {
	{ "X-Kept: 1\r\n", "X-Kept: 1", "X-Kept: 1" },
	{ "ManyWhoTenant: t\r\n", "ManyWhoTenant: t", "ManyWhoTenant: t" },
	{ "Authorization: raw token\r\n", "Authorization: raw token",
	    "Authorization: raw token" },
	{ "X-ManyWho-Other: 1\r\n", "X-ManyWho-Other: 1",
	    "X-ManyWho-Other: 1" },
	/* ours to say, whoever says it */
	{ "X-ManyWho-Region-Backend: GB\r\n", NULL, NULL },
	{ "x-manywho-REGION-explain: x\r\n", NULL, NULL },
	{ "X-ManyWho-GeoLocation-Country: SZ\r\n", NULL, NULL },
	{ "X-Portolan-Client: 1.2.3.4\r\n", NULL, NULL },
	{ "X-Portolan-Anything: 1\r\n", NULL, NULL },
	{ "x-real-ip: 1.2.3.4\r\n", NULL, NULL },
	{ "Client-Cert: :AAAA:\r\n", NULL, NULL },
	{ "client-cert-chain: :AAAA:\r\n", NULL, NULL },
	/* other words for a client's address, from a stranger */
	{ "X-Client-IP: 1.2.3.4\r\n", NULL, "X-Client-IP: 1.2.3.4" },
	{ "X-Forwarded-Ssl: on\r\n", NULL, "X-Forwarded-Ssl: on" },
	{ "True-Client-IP: 1.2.3.4\r\n", NULL, "True-Client-IP: 1.2.3.4" },
	{ "x-forwarded: for=1.2.3.4\r\n", NULL, "x-forwarded: for=1.2.3.4" },
	{ "Client-IP: 1.2.3.4\r\n", NULL, "Client-IP: 1.2.3.4" },
	{ "cf-connecting-ip: 1.2.3.4\r\n", NULL, "cf-connecting-ip: 1.2.3.4" },
	{ "CloudFront-Viewer-Country: SZ\r\n", NULL,
	    "CloudFront-Viewer-Country: SZ" },
	{ "Fastly-Client-IP: 1.2.3.4\r\n", NULL, "Fastly-Client-IP: 1.2.3.4" },
	{ "X-SSL-Client-Verify: 0\r\n", NULL, "X-SSL-Client-Verify: 0" },
	{ "SSL-Client-Cert: x\r\n", NULL, "SSL-Client-Cert: x" },
	{ "Forwarded: for=1.2.3.4\r\n", NULL, NULL },
	/* no such words */
	{ "Cache-Control: no-cache\r\n", "Cache-Control: no-cache",
	    "Cache-Control: no-cache" },
	{ "X-Client-Version: 7\r\n", "X-Client-Version: 7",
	    "X-Client-Version: 7" },
	{ "Proxy-Features: 1\r\n", "Proxy-Features: 1", "Proxy-Features: 1" },
	/* another path, another way: from nobody */
	{ "X-Original-URL: /api/run/1\r\n", NULL, NULL },
	{ "x-rewrite-url: /api/run/1\r\n", NULL, NULL },
	{ "Proxy: http://evil.example/\r\n", NULL, NULL },
	{ "X-Original-Host: x\r\n", NULL, "X-Original-Host: x" },
	/* of this hop */
	{ "Keep-Alive: timeout=5\r\n", NULL, NULL },
	{ "Proxy-Connection: close\r\n", NULL, NULL },
	{ "TE: trailers\r\n", NULL, NULL },
	{ "TE: gzip\r\nConnection: TE\r\n", NULL, NULL },
	{ "TE: gzip;q=0.5, Trailers\r\nConnection: close, te\r\n",
	    "TE: trailers", "TE: trailers" },
	{ "Connection: TE\r\nTE: trailers\r\n", "Connection: TE",
	    "Connection: TE" },
	{ "Connection: X-Secret\r\nX-Secret: 1\r\n", NULL, NULL },
	{ "Expect: 100-continue\r\nContent-Length: 1\r\n", NULL, NULL },
	/* lists to which we add */
	{ "Via: 1.0 fred\r\n", "Via: 1.0 fred", "Via: 1.0 fred" },
	{ "CDN-Loop: other\r\n", "CDN-Loop: other", "CDN-Loop: other" },
};

/* With the name of the first field in passing[i].field. */
static unsigned
lines_like(const struct buf *out, const char *field)
{
	char name[64] = "";
	size_t len = strcspn(field, ":");

	assert_true(len < sizeof(name) - 1);
	memcpy(name, field, len);
	name[len] = ':';
	return lines_with(out, name);
}

static void
fields_pass_or_stay(void **state)
{
	struct buf out = { 0 };
	char request[512];

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		snprintf(request, sizeof(request), "POST / HTTP/1.1\r\n"
		    "Host: h\r\n%s\r\n", passing[i].field);
		for (enum from from = STRANGER; from <= TRUSTED; from++) {
			const char *line = from == STRANGER ?
			    passing[i].stranger : passing[i].trusted;

			write_front(&out, request, from);
			if (line != NULL)
				assert_line(&out, line);
			else
				assert_int_equal(lines_like(&out,
				    passing[i].field), 0);
			assert_int_equal(lines_with(&out, "X-Secret"), 0);
		}
	}
	buf_fini(&out);
}

static void
addresses_are_chained(void **state)
{
	struct buf out = { 0 };

	(void)state;
	write_front(&out, REQUEST("X-Forwarded-For: 203.0.113.1\r\n"
	    "X-Forwarded-For: 198.51.100.2, 10.0.0.1\r\n"), TRUSTED);
	assert_line(&out, "X-Forwarded-For: 203.0.113.1, 198.51.100.2, "
	    "10.0.0.1, 192.0.2.7");
	assert_int_equal(lines_with(&out, "X-Forwarded-For"), 1);

	/* A stranger's own words are worth nothing. */
	write_front(&out, REQUEST("X-Forwarded-For: 203.0.113.1\r\n"),
	    STRANGER);
	assert_line(&out, "X-Forwarded-For: 192.0.2.7");
	assert_int_equal(lines_with(&out, "X-Forwarded-For"), 1);

	/* The other edge has added what there is to add. */
	write_front(&out, REQUEST("X-Forwarded-For: 203.0.113.1\r\n"
	    "X-Forwarded-Proto: https\r\n"), EDGE);
	assert_line(&out, "X-Forwarded-For: 203.0.113.1");
	assert_line(&out, "X-Forwarded-Proto: https");
	assert_int_equal(lines_with(&out, "X-Forwarded-"), 2);
	buf_fini(&out);
}

static void
every_front_has_these(void **state)
{
	static const char *const lines[] = {
		"GET /api/run/1 HTTP/1.1", "Host: flow.example.com",
		"X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http",
		"X-Forwarded-Host: flow.example.com",
		"X-Forwarded-Port: 8080", "Via: 1.1 portolan-us",
		"CDN-Loop: portolan-us", "X-Request-Id: 0123",
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"
		    "00f067aa0ba902b7-00",
	};
	struct buf out = { 0 };

	(void)state;
	write_front(&out, REQUEST("X-Request-Id: theirs\r\n"), STRANGER);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(&out, lines[i]);
	assert_int_equal(lines_with(&out, ""), sizeof(lines) /
	    sizeof(lines[0]));
	buf_fini(&out);
}

static void
traces_go_on(void **state)
{
	struct buf out = { 0 };

	(void)state;
	write_front(&out, REQUEST("traceparent: 00-"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00\r\n"),
	    STRANGER);
	assert_line(&out, "traceparent: 00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-"
	    "bbbbbbbbbbbbbbbb-00");
	assert_int_equal(lines_with(&out, "traceparent"), 1);
	buf_fini(&out);
}

/* Where spans are recorded each attempt has its own, in the end. */
static void
recorded_traces_are_told_at_the_end(void **state)
{
	static const char request[] = REQUEST("traceparent: 00-"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01\r\n"
	    "tracestate: a=1\r\n");
	struct addr peer = addr_from_ip4(0xc0000207);
	struct head_end end = { .traceparent = SLICE("mine") };
	struct head_front front;
	struct buf out = { 0 };
	struct h1_head head;

	(void)state;
	head_of(&head, request);
	for (int keeps = 0; keeps < 2; keeps++) {
		front = front_of(&head, &peer);
		front.recorded = true;
		front.keeps_state = keeps;
		buf_clear(&out);
		head_front_write(&out, &front);
		assert_int_equal(lines_with(&out, "traceparent"), 0);
		assert_int_equal(lines_with(&out, "tracestate: a=1"), keeps);
	}
	head_end_write(&out, &end);
	assert_line(&out, "traceparent: mine");
	buf_fini(&out);
}

static void
forwarded_is_optional(void **state)
{
	struct addr peer;
	struct buf out = { 0 };
	struct h1_head head;
	struct head_front front;

	(void)state;
	assert_true(addr_parse(&peer, SLICE("2001:db8::7")));
	head_of(&head, REQUEST("Forwarded: for=203.0.113.1\r\n"));
	front = front_of(&head, &peer);
	front.forwarded = front.trusted = true;
	head_front_write(&out, &front);
	assert_line(&out, "Forwarded: for=203.0.113.1, for=\"[2001:db8::7]\";"
	    "host=\"flow.example.com\";proto=http");
	buf_fini(&out);
}

/* Whatever a trusted proxy says. */
static void
addresses_may_be_hashed(void **state)
{
	static const char request[] = REQUEST("Forwarded: for=203.0.113.1\r\n"
	    "X-Forwarded-For: 203.0.113.1\r\nX-Client-IP: 203.0.113.1\r\n"
	    "X-Real-IP: 203.0.113.1\r\n");
	static const uint8_t key[16] = "0123456789abcdef";
	struct addr peer = addr_from_ip4(0x0a000001), nobody = { 0 };
	struct addr client = addr_from_ip4(0xcb007101);
	struct head_front front;
	struct buf out = { 0 };
	struct h1_head head;

	(void)state;
	head_of(&head, request);
	front = front_of(&head, &peer);
	front.trusted = true;
	front.hash_key = key;
	front.client = &client;
	head_front_write(&out, &front);
	assert_int_equal(lines_with(&out, "203.0.113.1"), 0);
	assert_int_equal(lines_with(&out, "10.0.0.1"), 0);
	assert_int_equal(lines_with(&out, "X-Forwarded-For"), 0);
	assert_int_equal(lines_with(&out, "Forwarded: for=_"), 1);
	assert_null(strstr(buf_cstr(&out), "203.0"));
	buf_clear(&out);
	front.client = &nobody;
	head_front_write(&out, &front);
	assert_line(&out, "Forwarded: for=unknown;host=\"flow.example.com\";"
	    "proto=http");
	buf_fini(&out);
}

static void
ends_differ(void **state)
{
	struct head_end end = { .framing = H1_LENGTH, .length = 12,
	    .expect = true };
	struct link_facts told = { .frontend = "US", .decided = "GB",
	    .request_id = "0123", .generation = 7,
	    .place = { .class = PLACE_PRIVATE } };
	struct addr client = addr_from_ip4(0xcb007109), nobody = { 0 };
	struct buf out = { 0 };

	(void)state;
	end.client = &client;
	end.place.country = country_find(SLICE("GB"));
	end.place.continent = CONTINENT_EU;
	head_end_write(&out, &end);
	assert_string_equal(buf_cstr(&out), "Content-Length: 12\r\n"
	    "Expect: 100-continue\r\nX-ManyWho-GeoLocation-Country: GB\r\n"
	    "X-ManyWho-GeoLocation-Continent: EU\r\n"
	    "X-Real-IP: 203.0.113.9\r\n\r\n");

	/* An unknown place is told, too; an unknown address is not there. */
	buf_clear(&out);
	end = (struct head_end){ .framing = H1_CHUNKED, .client = &nobody };
	head_end_write(&out, &end);
	assert_string_equal(buf_cstr(&out), "Transfer-Encoding: chunked\r\n"
	    "X-ManyWho-GeoLocation-Country: \r\n"
	    "X-ManyWho-GeoLocation-Continent: \r\n\r\n");

	buf_clear(&out);
	end = (struct head_end){ .framing = H1_NO_BODY, .link = &told,
	    .client = &client, .upgrade = SLICE("websocket") };
	head_end_write(&out, &end);
	assert_line(&out, "Upgrade: websocket");
	assert_line(&out, "Connection: Upgrade");
	assert_line(&out, "X-Portolan-Decision: GB 7");
	assert_int_equal(lines_with(&out, "X-ManyWho-"), 0);
	assert_int_equal(lines_with(&out, "X-Real-IP"), 0);
	buf_fini(&out);
}

static const struct {
	const char	*id;
	bool		 good;
} ids[] = {
	{ "0af7651916cd43dd8448eb211c80319c", true },
	{ "a-b_c.D", true },
	{ "", false },
	{ "a b", false },
	{ "a\"b", false },
	{ "0123456789012345678901234567890123456789012345678901234567890123",
	    true },
	{ "01234567890123456789012345678901234567890123456789012345678901234",
	    false },
};

static void
ids_are_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(request_id_is_good(slice_of(ids[i].id)),
		    ids[i].good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_pass_or_stay),
		cmocka_unit_test(a_certificate_is_told_by_us_alone),
		cmocka_unit_test(addresses_are_chained),
		cmocka_unit_test(every_front_has_these),
		cmocka_unit_test(traces_go_on),
		cmocka_unit_test(recorded_traces_are_told_at_the_end),
		cmocka_unit_test(forwarded_is_optional),
		cmocka_unit_test(addresses_may_be_hashed),
		cmocka_unit_test(ends_differ),
		cmocka_unit_test(ids_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
