/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <jansson.h>

#include "edge/access_line.h"

static struct addr client, peer, relay;

/* 2026-01-02T03:04:05.678Z, from London, served by GB for US. */
static struct access_record
record(void)
{
	static const struct source_line rule = { "regions.yaml", 12 };

	client = addr_from_ip4(0xcb007109);
	peer = addr_from_ip4(0x7f000001);
	relay = addr_from_ip4(0x0a000001);
	return (struct access_record){
		.unix_ms = 1767323045678, .request_id = SLICE("r1"),
		.trace_id = SLICE("4bf92f3577b34da6a3ce929d0e0e4736"),
		.listener = "plain", .peer = &peer, .client = &client,
		.relay = &relay, .vpc_endpoint = "vpce-012",
		.client_source = "forwarded",
		.class = "located",
		.place = { .class = PLACE_LOCATED, .continent = CONTINENT_EU,
		    .country = country_find(SLICE("GB")) },
		.host = SLICE("flow.example.com"), .method = SLICE("GET"),
		.path = SLICE("/api/run/1"), .path_class = "runtime",
		.status = 200, .received_bytes = 0, .sent_bytes = 345,
		.frontend = SLICE("US"), .backend = SLICE("GB"),
		.engine = "GB https://10.0.0.1:8444", .outcome = "forward",
		.reason = "country", .rule = &rule,
		.tenant_restriction = "t", .flow_restriction = "*",
		.tester = SLICE("me@example.com"),
		.generation = 3, .db_epoch = 1780000000, .attempts = 1,
		.termination = "--", .head_us = 1, .hold_us = 2,
		.connect_us = 0, .response_us = UINT64_MAX, .total_us = 99,
	};
}

/* One line, one object. */
static json_t *
parsed(const struct access_record *rec)
{
	static const struct access_style style = { .format = LOG_JSON };
	char line[ACCESS_LINE_MAX + SYSLOG_HEAD_MAX];
	size_t len = access_line(line, rec, &style);
	json_t *json;

	assert_true(len <= ACCESS_LINE_MAX);
	assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
	json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

static const char *
text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void
a_line_says_all(void **state)
{
	static const struct { const char *key, *value; } texts[] = {
		{ "time", "2026-01-02T03:04:05.678Z" },
		{ "request_id", "r1" }, { "listener", "plain" },
		{ "peer", "127.0.0.1" }, { "client", "203.0.113.9" },
		{ "relay", "10.0.0.1" }, { "vpc_endpoint", "vpce-012" },
		{ "client_source", "forwarded" }, { "class", "located" },
		{ "country", "GB" }, { "continent", "EU" },
		{ "host", "flow.example.com" }, { "method", "GET" },
		{ "path", "/api/run/1" }, { "path_class", "runtime" },
		{ "frontend", "US" }, { "backend", "GB" },
		{ "engine", "GB https://10.0.0.1:8444" },
		{ "outcome", "forward" }, { "reason", "country" },
		{ "rule", "regions.yaml:12" }, { "termination", "--" },
		{ "tester", "me@example.com" },
	};
	struct access_record rec = record();
	json_t *json = parsed(&rec);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(text_of(json, texts[i].key),
		    texts[i].value);
	assert_int_equal(json_integer_value(json_object_get(json, "status")),
	    200);
	assert_int_equal(json_integer_value(json_object_get(json,
	    "bytes_out")), 345);
	assert_int_equal(json_integer_value(json_object_get(json,
	    "total_us")), 99);
	assert_int_equal(json_array_size(json_object_get(json,
	    "restrictions")), 2);
	/* what did not come to pass is left out */
	assert_null(json_object_get(json, "response_us"));
	assert_null(json_object_get(json, "query"));
	json_decref(json);
}

/* Nothing is known of a request that was no HTTP. */
static void
an_empty_record_is_a_line(void **state)
{
	struct access_record rec = { .termination = "PR" };
	json_t *json = parsed(&rec);

	(void)state;
	assert_string_equal(text_of(json, "termination"), "PR");
	assert_null(json_object_get(json, "host"));
	assert_null(json_object_get(json, "client"));
	assert_null(json_object_get(json, "relay"));
	assert_null(json_object_get(json, "vpc_endpoint"));
	json_decref(json);
}

/* Every byte value at every place of a word of eight. */
static void
foreign_text_is_escaped(void **state)
{
	char path[24];

	(void)state;
	for (unsigned c = 1; c < 256; c++)
		for (size_t at = 1; at < 20; at++) {
			struct access_record rec = record();
			json_t *json;

			memset(path, 'a', sizeof(path));
			path[at] = (char)c;
			rec.path = (struct slice){ path, 21 };
			json = parsed(&rec);
			if (c < 0x80)
				assert_memory_equal(text_of(json, "path"),
				    path, 21);
			else
				assert_non_null(text_of(json, "path"));
			json_decref(json);
		}
}

static void
lines_stay_short(void **state)
{
	struct access_record rec = record();
	char *long_text = malloc(100000);
	json_t *json;

	(void)state;
	for (int fill = 0; fill < 3; fill++) {
		/* plain; six bytes of each; three of each */
		memset(long_text, "x\001\xff"[fill], 100000);
		rec.path = rec.query = rec.host = rec.method =
		    (struct slice){ long_text, 100000 };
		json = parsed(&rec);
		assert_true(strlen(text_of(json, "path")) > 100);
		json_decref(json);
	}
	free(long_text);
}

/* Everything as long as it may be at once; names out of files any length. */
static void
the_longest_line_fits(void **state)
{
	struct access_record rec = record();
	struct source_line at = { NULL, UINT32_MAX };
	char *x = calloc(1, 100001);
	struct slice all = { x, 100000 };
	json_t *json;

	(void)state;
	memset(x, 'x', 100000);
	at.file = x;
	client.family = peer.family = relay.family = ADDR_IP6;
	memset(client.bytes, 0xff, sizeof(client.bytes));
	peer = relay = client;
	rec.request_id = (struct slice){ x, 64 };
	rec.listener = rec.vpc_endpoint = rec.engine = x;
	rec.outcome = "unknown-path-of-a-tenant-with-restrictions";
	rec.reason = "a-rule-of-syntax-with-a-very-long-name-indeed";
	rec.flow_knowledge = "not-needed-by-anyone";
	rec.tenant_restriction = rec.flow_restriction = x;
	rec.trace_id = (struct slice){ x, 32 };
	rec.frontend = rec.backend = (struct slice){ x, 15 };
	rec.tester = rec.host = rec.path = rec.query = rec.method = all;
	rec.certificate = (struct slice){ x, 64 };
	rec.certificate_subject = rec.certificate_names = all;
	rec.rule = &at;
	rec.limit = "dry-run:a-rather-long-name-of-a-limit";
	rec.queue_us = INT64_MAX;
	rec.status = rec.attempts = UINT32_MAX;
	rec.received_bytes = rec.sent_bytes = INT64_MAX;
	rec.generation = rec.db_epoch = INT64_MAX;
	rec.head_us = rec.hold_us = rec.connect_us = INT64_MAX;
	rec.response_us = rec.total_us = INT64_MAX;
	json = parsed(&rec);
	assert_true(strlen(text_of(json, "path")) >= 128);
	assert_int_equal(strlen(text_of(json, "certificate")), 64);
	assert_true(strlen(text_of(json, "certificate_names")) >= 128);
	json_decref(json);
	/* Without a query and a certificate, more of the path is told. */
	rec.query.len = rec.certificate.len = 0;
	rec.certificate_subject.len = rec.certificate_names.len = 0;
	json = parsed(&rec);
	assert_true(strlen(text_of(json, "path")) >= 512);
	json_decref(json);
	free(x);
}

/* --- other forms ----------------------------------------------------------- */

static void
same_line(const struct access_record *rec, const struct access_style *style,
    const char *expected)
{
	char line[ACCESS_LINE_MAX + SYSLOG_HEAD_MAX];
	size_t len = access_line(line, rec, style);

	if (len != strlen(expected) || memcmp(line, expected, len) != 0)
		fail_msg("%.*s", (int)len, line);
}

static void
combined_is_what_others_write(void **state)
{
	const struct access_style style = { .format = LOG_COMBINED };
	struct access_record rec = record(), bad = { .status = 400 };

	(void)state;
	rec.protocol = "HTTP/1.1";
	rec.body_bytes = 12;
	same_line(&rec, &style, "203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "
	    "\"GET /api/run/1 HTTP/1.1\" 200 12 \"-\" \"-\"\n");
	rec.query = SLICE("a=1");
	rec.referer = SLICE("https://a.example/");
	rec.agent = SLICE("a \"b\\\x7f\xc3\xa9");
	same_line(&rec, &style, "203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "
	    "\"GET /api/run/1?a=1 HTTP/1.1\" 200 12 \"https://a.example/\" "
	    "\"a \\x22b\\x5C\\x7F\\xC3\\xA9\"\n");
	bad.unix_ms = rec.unix_ms;
	same_line(&bad, &style, "- - - [02/Jan/2026:03:04:05 +0000] \"-\" "
	    "400 0 \"-\" \"-\"\n");
}

static void
the_longest_combined_line_fits(void **state)
{
	const struct access_style style = { .format = LOG_COMBINED };
	struct access_record rec = record();
	char line[ACCESS_LINE_MAX + SYSLOG_HEAD_MAX];
	char *x = malloc(100000);

	(void)state;
	rec.protocol = "HTTP/1.1";
	rec.body_bytes = UINT64_MAX;
	for (int fill = 0; fill < 2; fill++) {
		memset(x, "x\xff"[fill], 100000);
		rec.method = rec.path = rec.query = rec.referer = rec.agent =
		    (struct slice){ x, 100000 };
		assert_true(access_line(line, &rec, &style) <=
		    ACCESS_LINE_MAX);
	}
	free(x);
}

static void
syslog_has_its_head(void **state)
{
	struct access_style style = { .format = LOG_COMBINED,
	    .syslog_before = SLICE("<134>1 "),
	    .syslog_after = SLICE(" host portolan 1 access - ") };
	struct access_record rec = { .status = 400,
	    .unix_ms = 1767323045678 };

	(void)state;
	same_line(&rec, &style, "<134>1 2026-01-02T03:04:05.678Z host portolan "
	    "1 access - - - - [02/Jan/2026:03:04:05 +0000] \"-\" 400 0 \"-\" "
	    "\"-\"\n");
}

static void
addresses_may_be_kept_back(void **state)
{
	static const uint8_t key[16] = "0123456789abcdef", other[16] = "x";
	static const struct { const char *addr, *truncated; } rows[] = {
		{ "203.0.113.9", "203.0.113.0" },
		{ "2001:db8:1:2:3::4", "2001:db8:1::" },
	};
	struct access_style style = { .address_key = key };
	char text[ADDR_TEXT_MAX], again[ADDR_TEXT_MAX];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(addr_parse(&addr, slice_of(rows[i].addr)));
		style.address_key = key;
		style.addresses = ADDRESS_FULL;
		assert_string_equal(access_address(&addr, &style, text),
		    rows[i].addr);
		style.addresses = ADDRESS_TRUNCATED;
		assert_string_equal(access_address(&addr, &style, text),
		    rows[i].truncated);
		style.addresses = ADDRESS_HASHED;
		access_address(&addr, &style, text);
		assert_int_equal(strlen(text), 17);
		assert_int_equal(text[0], '_');
		assert_string_equal(access_address(&addr, &style, again),
		    text);
		style.address_key = other;
		assert_string_not_equal(access_address(&addr, &style, again),
		    text);
	}
}

/* In each of the places where one stands. */
static void
no_line_tells_them_then(void **state)
{
	static const uint8_t key[16] = "0123456789abcdef";
	struct access_record rec = record();
	struct access_style style = { .addresses = ADDRESS_HASHED,
	    .address_key = key };
	char line[ACCESS_LINE_MAX + 1];

	(void)state;
	for (int format = LOG_JSON; format <= LOG_COMBINED; format++) {
		style.format = (enum log_format)format;
		rec.protocol = "HTTP/1.1";
		line[access_line(line, &rec, &style)] = '\0';
		assert_null(strstr(line, "203.0.113."));
		assert_null(strstr(line, "127.0.0."));
		assert_null(strstr(line, "\"10.0.0."));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_all),
		cmocka_unit_test(an_empty_record_is_a_line),
		cmocka_unit_test(foreign_text_is_escaped),
		cmocka_unit_test(lines_stay_short),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(combined_is_what_others_write),
		cmocka_unit_test(the_longest_combined_line_fits),
		cmocka_unit_test(syslog_has_its_head),
		cmocka_unit_test(addresses_may_be_kept_back),
		cmocka_unit_test(no_line_tells_them_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
