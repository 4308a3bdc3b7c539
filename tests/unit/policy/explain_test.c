/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include <time.h>

#include "policy/balance.h"
#include "policy/explain.h"
#include "policy/flow_token.h"

#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum { ROUNDS = 50000 };
#else
enum { ROUNDS = 1000000 };
#endif

#define T1 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define T2 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a02"
#define T3 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a03"
#define F1 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
#define F2 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c02"

static struct world world;
static const struct client_trust *trust;
static char states[3][STATE_ID_TEXT];	/* of F1, of F2, of no flow */

static void
make_states(void)
{
	static const char *const flows[] = { F1, F2, "none" };

	for (uint8_t i = 0; i < 3; i++) {
		struct state_id id = { i, flow_tag(world_key, SLICE(T1),
		    slice_of(flows[i])) };

		state_id_make(&id, states[i]);
	}
}

static int
set_up(void **state)
{
	struct restrictions_builder *b;
	struct cidr nets[2];

	(void)state;
	world_open(&world, "tests/data/region-map-6.yaml");
	b = restrictions_begin(world.arena, world_key);
	restrictions_add(b, T1, F1, world_pair(world.arena, "DE FR GB SZ",
	    "*EU GB"));
	restrictions_add(b, T1, F2, world_pair(world.arena, "+EU", "GB AU"));
	restrictions_add(b, T2, NULL, world_pair(world.arena, NULL, "+EU"));
	world_restrict(&world, b);
	cidr_parse(&nets[0], SLICE("10.0.0.0/8"));
	cidr_parse(&nets[1], SLICE("fd00::/8"));
	trust = client_trust_build(world.arena, nets, 2, 0, CLIENT_FIELD_XFF);
	make_states();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

/* --- the same request, once as options and once as bytes from the wire ------- */

/* What a round is about; indexes into the tables below. */
struct round {
	unsigned	 tenant, flow, state, host, path, down;
	char		 peer[ADDR_TEXT_MAX], xff[160];
	bool		 has_xff;
};

static const char *const tenants[] = { NULL, T1, T2, T3 };
static const char *const flows[] = { NULL, F1, F2, "other" };

/* As a person types it, and as clients may send the same. */
static const struct {
	const char	*plain, *wild[3];
} hosts[] = {
	{ "flow.example.com", { "FLOW.example.com", "flow.example.com:8443",
	    "flow.example.com." } },
	{ "gb.flow.example.com", { "GB.Flow.Example.Com:443",
	    "gb.flow.example.com.", "gb.flow.example.com" } },
	{ "build.example.com", { "build.EXAMPLE.com", "build.example.com",
	    "build.example.com:80" } },
	{ "nobody.example.com", { "nobody.example.com:1", "NOBODY.example.com",
	    "nobody.example.com." } },
};

/* $: the state, where the call has one in its path. */
static const struct {
	const char	*plain, *wild[3];
} paths[] = {
	{ "/api/run/1", { "/api/%72un/1", "/api/./run/1", "/API/run/1" } },
	{ "/api/run/1/state", { "/api/x/../run/1/state", "/api/run/1/State",
	    "/api/run/1/state/" } },
	{ "/api/run/1/state/$", { "/api/run/1/./state/$",
	    "/api/RUN/1/state/$", "/%61pi/run/1/state/$" } },
	{ "/api/run/1/navigation/$", { "/api/run/2/navigation/$",
	    "/api/run/1/navigation/$?x=1", "/api/run/1/NAVIGATION/$" } },
	{ "/api/service/1/data", { "/api/run/1/service/data",
	    "/api/service/1/./data", "/api/service/1/data?a=b" } },
	{ "/api/run/1/social/stream/x", { "/api/social/1/stream/x",
	    "/api/run/1/social/stream/%78", "/api/run/1/social/a" } },
	{ "/api/run/1/response", { "/api/run/1/event", "/api/run/2/response",
	    "/api/run/1/Response" } },
	{ "/api/run/1/flow", { "/api/run/1/flow?filter=x",
	    "/api/run/1/flow/name/x", "/api/run/2/flow" } },
	{ "/api/draw/1/flow", { "/api/draw/1/%66low", "/api/draw/1/./flow",
	    "/api/run/../draw/1/flow" } },
	{ "/api/run;a/1", { "/api/run;b/1", "/api;/run/1", "/API/run;/1" } },
	{ "/api//run", { "/api/run%2f1", "/api/run%5c1", "/api/%zz" } },
};

enum {
	HOSTS = sizeof(hosts) / sizeof(hosts[0]),
	PATHS = sizeof(paths) / sizeof(paths[0]),
};

static uint64_t seed;
static struct balance_random random_source;

static unsigned
pick(unsigned below)
{
	return (unsigned)(balance_next(&random_source) >> 33) % below;
}

/* A country's address of the test database, or any other. */
static void
random_addr(char text[ADDR_TEXT_MAX])
{
	unsigned n = pick(COUNTRIES);

	switch (pick(8)) {
	case 0:
		snprintf(text, ADDR_TEXT_MAX, "2a11:%x::%x", n, pick(9));
		break;
	case 1:
		snprintf(text, ADDR_TEXT_MAX, "10.0.%u.%u", n, pick(250));
		break;
	case 2:
		snprintf(text, ADDR_TEXT_MAX, "%u.%u.%u.%u", pick(256),
		    pick(256), pick(256), pick(256));
		break;
	case 3:
		snprintf(text, ADDR_TEXT_MAX, "::ffff:11.%u.0.1", n);
		break;
	default:
		snprintf(text, ADDR_TEXT_MAX, "11.%u.0.1", n);
		break;
	}
}

static void
random_round(struct round *r)
{
	static const char *const junk[] = { "unknown", "1.2.3", "_hidden",
	    "1.2.3.4:99999" };
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	r->tenant = pick(4);
	r->flow = pick(4);
	r->state = pick(4);
	r->host = pick(8) < 5 ? 0 : pick(HOSTS);
	r->path = pick(PATHS);
	r->down = pick(2) ? 0 : pick(64);
	r->has_xff = pick(4) != 0;
	random_addr(r->peer);
	if (pick(2))
		snprintf(r->peer, sizeof(r->peer), "10.1.2.3");
	random_addr(a);
	random_addr(b);
	switch (pick(4)) {
	case 0:
		snprintf(r->xff, sizeof(r->xff), "%s", a);
		break;
	case 1:
		snprintf(r->xff, sizeof(r->xff), "%s, %s", a, b);
		break;
	case 2:
		snprintf(r->xff, sizeof(r->xff), "%s, 10.9.8.7, fd00::1", a);
		break;
	default:
		snprintf(r->xff, sizeof(r->xff), "%s, %s", a, junk[pick(4)]);
		break;
	}
}

/* Which state ids a call knows depends on the path, as in real traffic. */
static const char *
state_of(const struct round *r)
{
	return r->state == 3 ? NULL : states[r->state];
}

static void
write_path(char out[160], const char *pattern, const struct round *r)
{
	const char *mark = strchr(pattern, '$');

	if (mark == NULL)
		snprintf(out, 160, "%s", pattern);
	else
		snprintf(out, 160, "%.*s%s%s", (int)(mark - pattern), pattern,
		    state_of(r) != NULL ? state_of(r) :
		    "00000000-0000-4000-8000-000000000000", mark + 1);
}

static void
explain_round(const struct round *r, struct region_set up,
    struct explained *out)
{
	struct explain_request request = { .tenant = slice_of(
	    tenants[r->tenant]), .flow = slice_of(flows[r->flow]),
	    .state = slice_of(state_of(r)),
	    .host = slice_of(hosts[r->host].plain) };
	char path[160];
	struct err err;

	write_path(path, paths[r->path].plain, r);
	/* elsewhere --flow is taken for what the wire does not say */
	if (strchr(paths[r->path].plain, '$') != NULL || r->path >= 5)
		request.flow = (struct slice){ NULL, 0 };
	request.path = slice_of(path);
	if (r->has_xff)
		request.forwarded = slice_of(r->xff);
	assert_true(addr_parse(&request.peer, slice_of(r->peer)));
	if (!explain_decide(&world.policy, trust, up, &request, out, &err))
		fail_msg("%s", err.text);
	/* path is gone when this returns, and not needed by then */
}

static void
wire_fields(struct buf *out, const struct round *r)
{
	static const char *const names[][3] = {
		{ "ManyWhoTenant", "manywhotenant", "MANYWHOTENANT" },
		{ "ManyWhoState", "manywhostate", "ManywhoState" },
		{ "X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR" },
	};
	const char *comma = strchr(r->xff, ',');
	unsigned n = pick(3);

	if (pick(2))
		buf_text(out, "Accept: */*\r\nUser-Agent: x, y\r\n");
	if (tenants[r->tenant] != NULL)
		buf_printf(out, "%s:  %s \r\n", names[0][n],
		    tenants[r->tenant]);
	if (r->has_xff && comma != NULL && pick(2))	/* as two lines */
		buf_printf(out, "%s: %.*s\r\nX-Other: 1\r\n%s:%s\r\n",
		    names[2][n], (int)(comma - r->xff), r->xff, names[2][0],
		    comma + 1);
	else if (r->has_xff)
		buf_printf(out, "%s: %s\r\n", names[2][n], r->xff);
	if (state_of(r) != NULL)
		buf_printf(out, "%s: %s\r\n", names[1][n], state_of(r));
}

/* As the player writes bodies, with more in them than we look for. */
static void
wire_body(struct buf *out, const struct round *r)
{
	char front[FLOW_TOKEN_FRONT];
	const char *s = state_of(r);

	buf_text(out, " {\"annotations\" : {\"id\":\"x\",\"stateId\":\"y\"} ,");
	if (flows[r->flow] != NULL)
		buf_printf(out, "\"flowId\":{\"versionId\":null,\"id\":\"%s\"},"
		    "\"id\":\"%s\",", flows[r->flow], flows[r->flow]);
	if (s != NULL)
		buf_printf(out, "\"stateId\" :\"%s\",", s);
	if (s != NULL && tenants[r->tenant] != NULL && flow_token_front(front,
	    s, slice_of(tenants[r->tenant])))
		buf_printf(out, "\"token\": \"%sMAC\",", front);
	buf_text(out, "\"inputs\":[1.5,{\"a\":[]},\"\\u00e9\"]}\r\n");
}

static bool
wire_has_body(const struct round *r)
{
	struct slice value, plain = slice_of(paths[r->path].plain);
	enum flow_place place = flow_place_of(plain, &value);

	return place == FLOW_IN_BODY || place == STATE_IN_HEADER_OR_BODY ||
	    place == STATE_IN_TOKEN;
}

static enum peek_end
feed(struct facts_read *read, struct slice body, char flow[PEEK_TEXT])
{
	size_t len = 0;
	enum peek_end end;

	do {
		len += 1 + pick(200);
		if (len > body.len)
			len = body.len;
		end = peek_body(read->content_type, (struct slice){ body.p,
		    len }, len == body.len, &read->facts, flow);
	} while (end == PEEK_MORE);
	return end;
}

/* The way of the edge: bytes, head, facts, peek, decision.  False: 400. */
static bool
live_round(const struct round *r, struct region_set up, struct buf *text,
    struct decision *d)
{
	static struct h1_head head;
	static struct facts_read read;
	struct facts_source source = { .policy = &world.policy,
	    .trust = trust };
	struct buf body = { 0 };
	char path[160], flow[PEEK_TEXT];
	struct h1_end end;
	enum facts_end ready;
	bool host_first = pick(2) != 0;
	size_t seen = 0;

	write_path(path, paths[r->path].wild[pick(3)], r);
	buf_clear(text);
	buf_printf(text, "%s %s HTTP/1.1\r\n",
	    wire_has_body(r) ? "POST" : "GET", path);
	if (host_first)
		buf_printf(text, "Host: %s\r\n", hosts[r->host].wild[pick(3)]);
	wire_fields(text, r);
	if (!host_first)
		buf_printf(text, "host:%s\r\n", hosts[r->host].wild[pick(3)]);
	if (wire_has_body(r)) {
		wire_body(&body, r);
		buf_printf(text, "Content-Length: %zu\r\nContent-Type: "
		    "application/json; charset=utf-8\r\n", body.len);
	}
	buf_text(text, "\r\n");
	assert_true(addr_parse(&source.peer, slice_of(r->peer)));
	if (h1_read_request(&head, buf_all(text), &seen, &end) != H1_DONE)
		fail_msg("%.*s", (int)text->len, text->p);
	ready = facts_from_head(&source, &head, &read);
	if (ready == FACTS_NEED_BODY)
		feed(&read, buf_all(&body), flow);
	if (ready == FACTS_READY || ready == FACTS_NEED_BODY)
		decide(&world.policy, up, &read.facts, d);
	buf_fini(&body);
	return ready == FACTS_READY || ready == FACTS_NEED_BODY;
}

static void
must_agree(const struct round *r, const struct explained *e,
    const struct decision *d, bool decided, const struct buf *text)
{
	struct buf json = { 0 };

	if (decided == (e->explanation.decision != NULL) && (!decided ||
	    memcmp(d, &e->decision, sizeof(*d)) == 0))
		return;
	explain_json(&json, &e->explanation);
	fail_msg("seed %llu, peer %s:\n%.*s\n%.*s\nbut live: %s",
	    (unsigned long long)seed, r->peer, (int)text->len, text->p,
	    (int)json.len, json.p, decided ? outcome_name(d->outcome) : "400");
}

static void
explained_as_it_happens(void **state)
{
	static struct explained e;
	unsigned outcomes[OUTCOMES + 1] = { 0 };
	struct buf text = { 0 };
	const char *given = getenv("SEED");

	(void)state;
	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	random_source.state = seed * 2 + 1;
	print_message("seed %llu, %d rounds\n", (unsigned long long)seed,
	    ROUNDS);
	for (int i = 0; i < ROUNDS; i++) {
		struct region_set up = world_all(&world);
		struct decision d;
		struct round r;
		bool decided;

		memset(&d, 0, sizeof(d));
		random_round(&r);
		up.bits &= (uint16_t)~r.down;
		explain_round(&r, up, &e);
		decided = live_round(&r, up, &text, &d);
		must_agree(&r, &e, &d, decided, &text);
		outcomes[decided ? d.outcome : OUTCOMES]++;
	}
	for (int i = 0; i <= OUTCOMES; i++)
		if (outcomes[i] == 0 && i != OUTCOME_RESTRICTIONS_STALE)
			fail_msg("outcome %d never happened", i);
	explained_fini(&e);
	buf_fini(&text);
}

/* --- what is written --------------------------------------------------------- */

static void
explain(const char *path, const char *country, struct explained *e)
{
	struct explain_request request = { .path = slice_of(path),
	    .host = SLICE("flow.example.com"), .tenant = SLICE(T1),
	    .flow = SLICE(F1), .peer = world_addr(country) };
	struct err err;

	memset(e, 0, sizeof(*e));
	if (!explain_decide(&world.policy, trust, world_all(&world), &request,
	    e, &err))
		fail_msg("%s", err.text);
}

static void
the_record(void **state)
{
	static struct explained e;
	struct buf out = { 0 };

	(void)state;
	explain("/api/run/1", "GB", &e);
	e.explanation.request_id = "r-1";
	e.explanation.attempts = SLICE("[]");
	explain_json(&out, &e.explanation);
	assert_string_equal(buf_cstr(&out), "{\"generation\":42,"
	    "\"request_id\":\"r-1\",\"client\":{\"address\":\"11.76.0.1\","
	    "\"source\":\"peer\",\"hop\":0,\"peer_trusted\":false},"
	    "\"host\":\"flow.example.com\",\"path\":\"/api/run/1\","
	    "\"tenant\":\"" T1 "\",\"flow\":\"" F1 "\","
	    "\"flow_known\":\"by-id\",\"place\":{\"class\":\"located\","
	    "\"country\":\"GB\",\"continent\":\"EU\"},\"map\":{\"match\":"
	    "\"country\",\"line\":\"tests/data/region-map-6.yaml:95\","
	    "\"network\":null,\"regions\":[\"GB\"]},\"host_kind\":\"global\","
	    "\"path_class\":\"runtime\",\"restrictions\":{\"revision\":7,"
	    "\"tenant\":null,\"flow\":\"" F1 "\"},\"allowed\":[\"EU\",\"GB\"],"
	    "\"up\":[\"US\",\"CA\",\"EU\",\"GB\",\"AU\",\"SG\"],\"by_operator\":[],\"candidates\":"
	    "[{\"region\":\"GB\",\"from\":\"map\",\"fate\":\"chosen\"},"
	    "{\"region\":\"EU\",\"from\":\"fallback\",\"fate\":\"spare\"},"
	    "{\"region\":\"US\",\"from\":\"fallback\",\"fate\":"
	    "\"flow-forbids\"},{\"region\":\"CA\",\"from\":\"fallback\","
	    "\"fate\":\"flow-forbids\"},{\"region\":\"SG\",\"from\":"
	    "\"fallback\",\"fate\":\"flow-forbids\"},{\"region\":\"AU\","
	    "\"from\":\"fallback\",\"fate\":\"flow-forbids\"}],\"outcome\":"
	    "\"forward\",\"region\":\"GB\",\"attempts\":[]}");
	buf_clear(&out);
	explain_text(&out, &e.explanation);
	assert_string_equal(buf_cstr(&out),
	    "client      11.76.0.1, the peer itself (peer not trusted)\n"
	    "place       located, GB (United Kingdom), EU (Europe)\n"
	    "map         country, tests/data/region-map-6.yaml:95: GB\n"
	    "host        flow.example.com (global)\n"
	    "path        /api/run/1 (runtime)\n"
	    "tenant      " T1 "\n"
	    "flow        by-id " F1 "\n"
	    "access      flow " F1 ": DE, FR, GB, SZ\n"
	    "execution   flow " F1 ": union EU, GB\n"
	    "candidates  GB, by map: chosen\n"
	    "            EU, by fallback: not needed\n"
	    "            US, by fallback: dropped: the flow's execution "
	    "restriction\n"
	    "            CA, by fallback: dropped: the flow's execution "
	    "restriction\n"
	    "            SG, by fallback: dropped: the flow's execution "
	    "restriction\n"
	    "            AU, by fallback: dropped: the flow's execution "
	    "restriction\n"
	    "outcome     forward to GB (GB)\n"
	    "generation  42, restrictions 7\n");
	explained_fini(&e);
	buf_fini(&out);
}

/* Who is nowhere is told why. */
static void
places_without_a_location(void **state)
{
	static const struct {
		const char *peer, *json, *text;
	} nowhere[] = {
		{ "2002:cb00:7109::1", "unknown\",\"country\":null,"
		    "\"continent\":null,\"special\":\"6to4\"}",
		    "unknown (6to4)\n" },
		{ "64:ff9b::10.1.2.3", "private\",\"country\":null,"
		    "\"continent\":null,\"special\":\"private use\"}",
		    "private (private use)\n" },
		{ "198.41.0.4", "unknown\",\"country\":null,"
		    "\"continent\":null}", "unknown (not in the geo "
		    "database)\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		static struct explained e;
		struct explain_request request = { .path = SLICE("/api/run/1"),
		    .host = SLICE("flow.example.com") };
		struct buf out = { 0 };
		struct err err;

		assert_true(addr_parse(&request.peer,
		    slice_of(nowhere[i].peer)));
		memset(&e, 0, sizeof(e));
		assert_true(explain_decide(&world.policy, trust,
		    world_all(&world), &request, &e, &err));
		explain_json(&out, &e.explanation);
		assert_non_null(strstr(buf_cstr(&out), nowhere[i].json));
		buf_clear(&out);
		explain_text(&out, &e.explanation);
		assert_non_null(strstr(buf_cstr(&out), nowhere[i].text));
		buf_fini(&out);
		explained_fini(&e);
	}
}

/* Whatever a request brings, it is short, and tells that it is. */
static void
the_short_record(void **state)
{
	static struct explained e;
	struct buf out = { 0 };

	(void)state;
	explain("/api/run/1", "GB", &e);
	e.explanation.request_id = "r-1";
	explain_json_short(&out, &e.explanation);
	assert_string_equal(buf_cstr(&out), "{\"shortened\":true,"
	    "\"generation\":42,\"request_id\":\"r-1\",\"client\":{"
	    "\"address\":\"11.76.0.1\",\"source\":\"peer\",\"hop\":0,"
	    "\"peer_trusted\":false},\"place\":{\"class\":\"located\","
	    "\"country\":\"GB\",\"continent\":\"EU\"},\"candidates\":["
	    "{\"region\":\"GB\",\"from\":\"map\",\"fate\":\"chosen\"},"
	    "{\"region\":\"EU\",\"from\":\"fallback\",\"fate\":\"spare\"},"
	    "{\"region\":\"US\",\"from\":\"fallback\","
	    "\"fate\":\"flow-forbids\"},"
	    "{\"region\":\"CA\",\"from\":\"fallback\","
	    "\"fate\":\"flow-forbids\"},"
	    "{\"region\":\"SG\",\"from\":\"fallback\","
	    "\"fate\":\"flow-forbids\"},"
	    "{\"region\":\"AU\",\"from\":\"fallback\","
	    "\"fate\":\"flow-forbids\"}],"
	    "\"outcome\":\"forward\",\"region\":\"GB\"}");
	explained_fini(&e);
	buf_clear(&out);
	explain("/api/run/%2f", "GB", &e);
	explain_json_short(&out, &e.explanation);
	assert_non_null(strstr(buf_cstr(&out), "},\"refusal\":\""));
	explained_fini(&e);
	buf_fini(&out);
}

static void
refusals_have_their_reason(void **state)
{
	static struct explained e;
	struct buf out = { 0 };

	(void)state;
	explain("/api/run/%2f", "GB", &e);
	assert_null(e.explanation.decision);
	explain_json(&out, &e.explanation);
	assert_non_null(strstr(buf_cstr(&out), "\"refusal\":\""));
	assert_non_null(strstr(buf_cstr(&out), "\"address\":\"11.76.0.1\""));
	explained_fini(&e);
	explain("no path", "GB", &e);
	assert_null(e.explanation.decision);
	buf_clear(&out);
	explain_text(&out, &e.explanation);
	assert_non_null(strstr(buf_cstr(&out), "outcome     refused: "));
	explained_fini(&e);
	buf_fini(&out);
}

static void
no_request_in_a_request(void **state)
{
	static struct explained e;
	struct explain_request request = { .path = SLICE("/api/run/1"),
	    .host = SLICE("flow.example.com\r\nManyWhoTenant: x") };
	struct err err;

	(void)state;
	assert_false(explain_decide(&world.policy, trust, world_all(&world),
	    &request, &e, &err));
	explained_fini(&e);
}

/* --flow on a call that carries none is what the edge would have found. */
static void
what_was_said_fills_the_gap(void **state)
{
	static struct explained e;

	(void)state;
	explain("/api/run/1/social/x", "GB", &e);
	assert_int_equal(e.read.facts.knowledge, FLOW_BY_ID);
	assert_string_equal(e.decision.restrictions.flow_id, F1);
	explained_fini(&e);
	explain("/api/draw/1", "GB", &e);
	assert_int_equal(e.read.facts.knowledge, FLOW_NOT_NEEDED);
	explained_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explained_as_it_happens),
		cmocka_unit_test(the_record),
		cmocka_unit_test(places_without_a_location),
		cmocka_unit_test(the_short_record),
		cmocka_unit_test(refusals_have_their_reason),
		cmocka_unit_test(no_request_in_a_request),
		cmocka_unit_test(what_was_said_fills_the_gap),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
