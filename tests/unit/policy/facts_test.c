/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "policy/facts.h"

#define T1 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define F1 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"

static void
heads_and_what_they_give(void **state)
{
	static const struct {
		const char	*head;
		enum facts_end	 end;
		const char	*host, *path, *tenant;
	} rows[] = {
		{ "GET /api/./ru%6e/1/../1?q=%2f HTTP/1.1\r\n"
		    "Host: FLOW.example.com.:8443\r\n", FACTS_READY,
		    "flow.example.com", "/api/run/1", NULL },
		{ "GET / HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: " T1 "\r\n", FACTS_READY,
		    "flow.example.com", "/", T1 },
		{ "GET / HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: \r\n", FACTS_READY, "flow.example.com",
		    "/", NULL },
		{ "GET / HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: " T1 ", x\r\n", FACTS_BAD_TENANT, NULL,
		    NULL, NULL },
		{ "POST /api/run/1 HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: " T1 "\r\nContent-Length: 10\r\n",
		    FACTS_NEED_BODY, "flow.example.com", "/api/run/1", T1 },
		{ "POST /api/run/1 HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: " T1 "\r\nTransfer-Encoding: chunked\r\n",
		    FACTS_NEED_BODY, "flow.example.com", "/api/run/1", T1 },
		{ "POST /api/run/1 HTTP/1.1\r\nHost: flow.example.com\r\n"
		    "ManyWhoTenant: " T1 "\r\nContent-Length: 0\r\n",
		    FACTS_READY, "flow.example.com", "/api/run/1", T1 },
		{ "GET /api%2frun HTTP/1.1\r\nHost: flow.example.com\r\n",
		    FACTS_BAD_TARGET, NULL, NULL, NULL },
		{ "GET //api/run HTTP/1.1\r\nHost: flow.example.com\r\n",
		    FACTS_BAD_TARGET, NULL, NULL, NULL },
		{ "GET http://gb.flow.example.com/x HTTP/1.1\r\n"
		    "Host: gb.flow.example.com\r\n", FACTS_READY,
		    "gb.flow.example.com", "/x", NULL },
	};
	static struct facts_read read;
	static struct h1_head head;
	struct restrictions_builder *b;
	struct world w;
	struct facts_source source = { .policy = &w.policy };

	(void)state;
	world_open(&w, "tests/data/region-map-6.yaml");
	b = restrictions_begin(w.arena, world_key);
	restrictions_add(b, T1, F1, world_pair(w.arena, NULL, "+EU"));
	world_restrict(&w, b);
	source.trust = client_trust_build(w.arena, NULL, 0, 0,
	    CLIENT_FIELD_XFF);
	source.peer = world_addr("FR");
	source.sni = SLICE("GB.flow.example.com");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct h1_end end;
		enum facts_end got;
		size_t seen = 0;

		snprintf(text, sizeof(text), "%s\r\n", rows[i].head);
		assert_int_equal(h1_read_request(&head, slice_of(text), &seen,
		    &end), H1_DONE);
		got = facts_from_head(&source, &head, &read);
		if (got != rows[i].end)
			fail_msg("%s%s", text, facts_end_text(got));
		assert_true(addr_eq(&read.facts.client, &source.peer));
		if (rows[i].path == NULL)
			continue;
		assert_true(slice_is(read.facts.host, rows[i].host));
		assert_true(slice_is(read.facts.path, rows[i].path));
		assert_true(slice_is(read.facts.sni_host,
		    "gb.flow.example.com"));
		assert_int_equal(read.facts.tenant.p != NULL,
		    rows[i].tenant != NULL);
		if (rows[i].tenant != NULL)
			assert_true(slice_is(read.facts.tenant,
			    rows[i].tenant));
	}
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_and_what_they_give),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
