/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Sets of upstreams over several generations, and what probes make of them.
 */
#include "support/peer.h"

#include "base/clock.h"
#include "upstream/upstream_private.h"

static struct loop *control;
static unsigned changes;

static void
on_changed(void *arg)
{
	(void)arg;
	changes++;
	loop_stop(control);
}

static struct upstream_spec
spec_of(const char *endpoint, const char *region, unsigned weight)
{
	struct upstream_spec spec = { .weight = weight };

	must(endpoint_parse(&spec.endpoint, slice_of(endpoint)));
	snprintf(spec.region, sizeof(spec.region), "%s", region);
	return spec;
}

static struct upstreams *
begin(void)
{
	changes = 0;
	control = loop_new();
	return upstreams_new(control, on_changed, NULL);
}

static void
end(struct upstreams *all)
{
	upstreams_free(&all);
	loop_free(&control);
}

/* --- sets ------------------------------------------------------------------ */

static void
known_ones_are_kept(void **state)
{
	struct upstreams *all = begin();
	struct upstream_spec specs[4] = {
		spec_of("127.0.0.1:1", "GB", 1),
		spec_of("unix:/nowhere", "US", 2),
		spec_of("127.0.0.1:1", "GB", 1),
		spec_of("unix:/edge", "", 1),	/* a console's */
	};
	struct upstream *first[4], *second[2];
	struct err err;

	(void)state;
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs, 4,
	    &client_probe, NULL }, first, &err));
	assert_string_equal(first[0]->name, "GB http://127.0.0.1:1");
	assert_string_equal(first[1]->name, "US unix:/nowhere");
	assert_string_equal(first[3]->name, "unix:/edge");
	assert_ptr_equal(first[0], first[2]);	/* named twice: one */
	atomic_store(&first[0]->health, HEALTH_UP);

	/* Another weight is another upstream, of the same health. */
	specs[0].weight = 7;
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs, 2,
	    &client_probe, NULL }, second, &err));
	assert_ptr_not_equal(second[0], first[0]);
	assert_int_equal(second[0]->spec.weight, 7);
	assert_int_equal(first[0]->spec.weight, 1);	/* still read by some */
	assert_int_equal(atomic_load(&second[0]->health), HEALTH_UP);
	assert_ptr_equal(second[1], first[1]);

	/* Let go by the last set, a slot is used again. */
	upstreams_release(all, first, 4);
	assert_string_equal(first[1]->name, "US unix:/nowhere");
	specs[0] = spec_of("127.0.0.1:2", "GB", 1);
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs, 1,
	    &client_probe, NULL }, first, &err));
	assert_int_equal(first[0]->index, 0);
	assert_string_equal(first[0]->name, "GB http://127.0.0.1:2");
	assert_int_equal(atomic_load(&first[0]->health), HEALTH_UNKNOWN);
	end(all);
}

static void
a_process_has_room_for_so_many(void **state)
{
	static struct upstream_spec specs[UPSTREAMS_MAX];
	static struct upstream *found[UPSTREAMS_MAX], *again[UPSTREAMS_MAX];
	struct upstreams *all = begin();
	struct upstream_spec more = spec_of("10.0.0.1:9", "GB", 1);
	struct upstream *one;
	struct err err;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < UPSTREAMS_MAX; i++) {
		snprintf(text, sizeof(text), "127.0.0.1:%u", i + 1);
		specs[i] = spec_of(text, "GB", 1);
	}
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs,
	    UPSTREAMS_MAX, &client_probe, NULL }, found, &err));
	/* The same ones need no room. */
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs,
	    UPSTREAMS_MAX, &client_probe, NULL }, again, &err));
	assert_memory_equal(found, again, sizeof(found));
	assert_false(upstreams_apply(all, &(struct upstream_set){ &more, 1,
	    &client_probe, NULL }, &one, &err));
	assert_string_equal(err.text, "1 more upstreams are too many beside "
	    "the 256 in use; at most 256 fit in a process");
	upstreams_release(all, found, UPSTREAMS_MAX);
	upstreams_release(all, again, UPSTREAMS_MAX);
	assert_true(upstreams_apply(all, &(struct upstream_set){ &more, 1,
	    &client_probe, NULL }, &one, &err));
	end(all);
}

static void
links_need_a_certificate_of_ours(void **state)
{
	struct upstreams *all = begin();
	struct upstream_spec specs[2] = {
		spec_of("127.0.0.1:1", "GB", 1),
		spec_of("https://127.0.0.1:2", "US", 1),
	};
	struct upstream *found[2];
	struct err err;

	(void)state;
	assert_false(upstreams_apply(all, &(struct upstream_set){ specs, 2,
	    &client_probe, NULL }, found, &err));
	assert_string_equal(err.text, "upstream US https://127.0.0.1:2 needs "
	    "a certificate of our own; set link.certificate, link.key and "
	    "link.ca, or those of engines.tls");
	specs[1] = spec_of("127.0.0.1:2", "US", 1);
	specs[1].link = true;
	assert_false(upstreams_apply(all, &(struct upstream_set){ specs, 2,
	    &client_probe, NULL }, found, &err));
	end(all);
}

/* A pool must not lead to whoever had the slot before. */
static void
pools_notice_a_new_owner_of_a_slot(void **state)
{
	struct upstreams *all = begin();
	struct loop *loop = loop_new();
	struct pool_limits limits = { .idle = 4, .idle_ms = 60000,
	    .connect_ms = 1000, .response_head_ms = 1000 };
	struct pools *pools = pools_new(loop, &limits);
	struct upstream_spec a = spec_of("127.0.0.1:1", "GB", 1),
	    b = spec_of("127.0.0.1:2", "GB", 1);
	struct exchange_request request = a_request(METHOD_GET, GET_HEAD);
	struct client c = { .loop = loop };
	struct upstream *ua, *ub;
	struct exchange *ex;
	struct err err;

	(void)state;
	assert_true(upstreams_apply(all, &(struct upstream_set){ &a, 1,
	    &client_probe, NULL }, &ua, &err));
	ex = exchange_start(pools, ua, &request, &client_ops, &c);
	exchange_cancel(&ex);
	upstreams_release(all, &ua, 1);
	assert_true(upstreams_apply(all, &(struct upstream_set){ &b, 1,
	    &client_probe, NULL }, &ub, &err));
	assert_ptr_equal(ua, ub);
	exchange_start(pools, ub, &request, &client_ops, &c);
	loop_run(loop);
	assert_int_equal(c.end, EXCHANGE_REFUSED);
	assert_int_equal(pools_outstanding(pools, ub), 0);
	buf_fini(&c.log);
	pools_free(&pools);
	loop_free(&loop);
	end(all);
}

/* --- probes ---------------------------------------------------------------- */

/* What the peer says to each probe in turn; the last one for ever. */
static const char *const *_Atomic says;

static void
answers_probes(struct peer *p)
{
	for (size_t i = 0;;) {
		int fd = accept(p->listener, NULL, NULL);
		const char *const *all = says;

		if (fd < 0)
			return;
		if (peer_request(p, fd))
			peer_text(fd, all[i]);
		close(fd);
		i += all[i + 1] != NULL;
	}
}

#define IS_GB	"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: GB\r\n" \
		"Content-Length: 0\r\n\r\n"
#define IS_AU	"HTTP/1.1 200 OK\r\nX-ManyWho-Region-Backend: AU\r\n" \
		"Content-Length: 0\r\n\r\n"
#define IS_NOBODY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define IS_ILL	"HTTP/1.1 503 Service Unavailable\r\n" \
		"X-ManyWho-Region-Backend: GB\r\nContent-Length: 0\r\n\r\n"

static void
probes_decide_the_health(void **state)
{
	static const struct {
		const char	*says[8];
		enum health	 becomes[4];	/* in order, then UNKNOWN */
		bool		 unnamed;	/* no name will do */
	} rows[] = {
		/* The first result counts at once. */
		{ { IS_GB }, { HEALTH_UP }, false },
		{ { IS_ILL }, { HEALTH_DOWN }, false },
		{ { IS_NOBODY }, { HEALTH_DOWN }, false },
		{ { "" }, { HEALTH_DOWN }, false },
		{ { "nonsense\r\n\r\n" }, { HEALTH_DOWN }, false },
		{ { IS_AU }, { HEALTH_MISCONFIGURED }, false },
		/* Then three bad ones in a row, and two good ones. */
		{ { IS_GB, IS_ILL, IS_ILL, IS_GB, IS_ILL, IS_ILL, IS_ILL },
		    { HEALTH_UP, HEALTH_DOWN }, false },
		{ { IS_ILL, IS_GB, IS_ILL, IS_GB, IS_GB },
		    { HEALTH_DOWN, HEALTH_UP }, false },
		/* Another region counts at once, whatever was before. */
		{ { IS_GB, IS_AU, IS_GB, IS_GB },
		    { HEALTH_UP, HEALTH_MISCONFIGURED, HEALTH_UP }, false },
		/* Where it need not name one, it must not name another. */
		{ { IS_NOBODY }, { HEALTH_UP }, true },
		{ { IS_GB }, { HEALTH_UP }, true },
		{ { IS_AU }, { HEALTH_MISCONFIGURED }, true },
		{ { IS_ILL }, { HEALTH_DOWN }, true },
	};
	struct probe_spec quick = client_probe;

	(void)state;
	quick.interval_ms = 2;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upstreams *all = begin();
		struct upstream_spec spec = { .region = "GB", .weight = 1 };
		struct upstream *up;
		struct peer p;
		struct err err;

		says = rows[i].says;
		quick.accept_unnamed = rows[i].unnamed;
		peer_listen(&p);
		peer_play(&p, answers_probes);
		spec.endpoint = p.at;
		assert_true(upstreams_apply(all, &(struct upstream_set){ &spec,
		    1, &quick, NULL }, &up, &err));
		assert_int_equal(atomic_load(&up->health), HEALTH_UNKNOWN);
		for (size_t j = 0; rows[i].becomes[j] != HEALTH_UNKNOWN; j++) {
			loop_run(control);
			if (atomic_load(&up->health) != rows[i].becomes[j])
				fail_msg("row %zu, change %zu: %s", i, j,
				    health_name(atomic_load(&up->health)));
			assert_int_equal(changes, j + 1);
		}
		end(all);
		shutdown(p.listener, SHUT_RDWR);
		peer_join(&p);
		assert_non_null(strstr(p.seen, "GET /healthz HTTP/1.1\r\nHost: "
		    "127.0.0.1:"));
		assert_non_null(strstr(p.seen, "Connection: close\r\n\r\n"));
	}
}

static void
keeps_silent(struct peer *p)
{
	peer_wait_close(peer_accept(p));
}

static void
a_probe_waits_only_so_long(void **state)
{
	struct upstreams *all = begin();
	struct probe_spec impatient = client_probe;
	struct upstream_spec spec = { .region = "GB", .weight = 1 };
	struct upstream *up;
	struct peer p;
	struct err err;

	(void)state;
	impatient.timeout_ms = 50;
	impatient.interval_ms = 60000;
	peer_listen(&p);
	peer_play(&p, keeps_silent);
	spec.endpoint = p.at;
	assert_true(upstreams_apply(all, &(struct upstream_set){ &spec, 1,
	    &impatient, NULL }, &up, &err));
	loop_run(control);
	assert_int_equal(atomic_load(&up->health), HEALTH_DOWN);
	end(all);
	peer_join(&p);
}

/* Good probes alone do not bring it back before its time is over. */
static void
what_was_ejected_returns(void **state)
{
	static const char *const good[] = { IS_GB, NULL };
	struct upstreams *all = begin();
	struct probe_spec quick = client_probe;
	struct upstream_spec spec = { .region = "GB", .weight = 1 };
	uint64_t until_ms;
	struct upstream *up;
	struct peer p;
	struct err err;

	(void)state;
	quick.interval_ms = 2;
	says = good;
	peer_listen(&p);
	peer_play(&p, answers_probes);
	spec.endpoint = p.at;
	assert_true(upstreams_apply(all, &(struct upstream_set){ &spec, 1,
	    &quick, NULL }, &up, &err));
	loop_run(control);
	assert_int_equal(atomic_load(&up->health), HEALTH_UP);
	assert_int_equal(atomic_load(&up->back_ms), 0);

	until_ms = clock_ms() + 100;
	up->private->ejected_until_ms = until_ms;
	atomic_store(&up->failures, 7);
	atomic_store(&up->health, HEALTH_EJECTED);
	loop_run(control);
	assert_true(clock_ms() >= until_ms);
	assert_int_equal(atomic_load(&up->health), HEALTH_UP);
	assert_int_equal(atomic_load(&up->failures), 0);
	assert_true(atomic_load(&up->back_ms) >= until_ms);
	end(all);
	shutdown(p.listener, SHUT_RDWR);
	peer_join(&p);
}

/* --- names ----------------------------------------------------------------- */

static void
names_are_resolved_apart(void **state)
{
	static const char *const good[] = { IS_GB, NULL };
	struct upstreams *all = begin();
	struct upstream_spec specs[2] = {
		spec_of("localhost:1", "GB", 1),
		spec_of("no-such-name.invalid:1", "GB", 1),
	};
	struct upstream *found[2];
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct peer p;
	struct err err;

	(void)state;
	says = good;
	/* Whichever address localhost has, somebody answers at its port. */
	peer_listen(&p);
	close(p.listener);
	p.listener = socket(AF_INET6, SOCK_STREAM, 0);
	sin6.sin6_port = htons(p.at.port);
	if (p.listener < 0 || bind(p.listener, (struct sockaddr *)&sin6,
	    sizeof(sin6)) < 0) {
		peer_listen(&p);	/* a machine without IPv6 */
	}
	listen(p.listener, 8);
	peer_play(&p, answers_probes);
	specs[0].endpoint.port = p.at.port;
	assert_true(upstreams_apply(all, &(struct upstream_set){ specs, 2,
	    &client_probe, NULL }, found, &err));
	while (changes < 2)
		loop_run(control);
	assert_int_equal(atomic_load(&found[0]->health), HEALTH_UP);
	assert_int_equal(atomic_load(&found[1]->health), HEALTH_DOWN);
	end(all);
	shutdown(p.listener, SHUT_RDWR);
	peer_join(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_ones_are_kept),
		cmocka_unit_test(a_process_has_room_for_so_many),
		cmocka_unit_test(links_need_a_certificate_of_ours),
		cmocka_unit_test(pools_notice_a_new_owner_of_a_slot),
		cmocka_unit_test(probes_decide_the_health),
		cmocka_unit_test(a_probe_waits_only_so_long),
		cmocka_unit_test(what_was_ejected_returns),
		cmocka_unit_test(names_are_resolved_apart),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
