/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "heads.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "edge/access_log.h"

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
	struct buf line = { 0 };
	json_t *json;

	access_line(&line, rec);
	assert_true(line.len <= ACCESS_LINE_MAX);
	assert_ptr_equal(memchr(line.p, '\n', line.len), line.p + line.len -
	    1);
	json = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	buf_fini(&line);
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
	rec.rule = &at;
	rec.status = rec.attempts = UINT32_MAX;
	rec.received_bytes = rec.sent_bytes = INT64_MAX;
	rec.generation = rec.db_epoch = INT64_MAX;
	rec.head_us = rec.hold_us = rec.connect_us = INT64_MAX;
	rec.response_us = rec.total_us = INT64_MAX;
	json = parsed(&rec);
	assert_true(strlen(text_of(json, "path")) >= 256);
	json_decref(json);
	/* Without a query, more of the path is told. */
	rec.query.len = 0;
	json = parsed(&rec);
	assert_true(strlen(text_of(json, "path")) >= 512);
	json_decref(json);
	free(x);
}

static size_t
file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static void
lines_are_collected_and_reopened(void **state)
{
	char path[] = "/tmp/portolan-access-XXXXXX", moved[64];
	struct access_log log = { .fd = -1 };
	struct access_record rec = record();
	struct err err;
	size_t one;

	(void)state;
	close(mkstemp(path));
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_true(access_log_open(&log, path, &err));
	access_log_add(&log, &rec);
	assert_int_equal(file_size(path), 0);
	one = log.waiting.len;
	access_log_flush(&log);
	assert_int_equal(file_size(path), one);

	/* rotated: what waits belongs to the old file */
	access_log_add(&log, &rec);
	assert_int_equal(rename(path, moved), 0);
	access_log_reopen(&log);
	access_log_add(&log, &rec);
	access_log_close(&log);
	assert_int_equal(file_size(moved), 2 * one);
	assert_int_equal(file_size(path), one);
	unlink(path);
	unlink(moved);
}

/* Nobody reads the pipe: lines are dropped and counted, nothing waits. */
static void
a_full_pipe_holds_nobody_up(void **state)
{
	char path[] = "/tmp/portolan-fifo-XXXXXX";
	struct access_log log = { .fd = -1 };
	struct access_record rec = record();
	struct err err;
	int reader;
	char bytes[65536];
	ssize_t n;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(access_log_open(&log, path, &err));
	for (int i = 0; i < 5000; i++)
		access_log_add(&log, &rec);
	assert_true(atomic_load(&log.dropped) > 0);
	assert_true(log.waiting.len < 2 * 1024 * 1024);
	/* what is there is whole lines */
	n = read(reader, bytes, sizeof(bytes));
	assert_true(n > 0 && bytes[0] == '{' && bytes[n - 1] == '\n');
	close(reader);
	access_log_close(&log);
	unlink(path);
}

static void
a_bad_path_is_told(void **state)
{
	struct access_log log = { .fd = -1 };
	struct err err;

	(void)state;
	assert_false(access_log_open(&log, "/nonexistent/access.log", &err));
	assert_non_null(strstr(err.text, "/nonexistent/access.log"));
	assert_int_equal(log.fd, -1);
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
		cmocka_unit_test(lines_are_collected_and_reopened),
		cmocka_unit_test(a_full_pipe_holds_nobody_up),
		cmocka_unit_test(a_bad_path_is_told),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
