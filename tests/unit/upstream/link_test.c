/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Links: an exchange over mutual TLS goes to the region that was meant, or
 * nowhere.  Peer and client live on one loop.
 */
#include "net/listener.h"
#include "support/peer.h"
#include "support/certificates.h"

/* An edge of GB that answers everything, and notes what it was sent. */
static struct {
	struct listener	*listener;
	struct endpoint	 at;
	struct tls_context *tls;
	struct stream	 stream;
	unsigned	 accepted;
	size_t		 received;
} gb;

static void
gb_readable(struct stream *s)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n"
	    "X-ManyWho-Region-Frontend: GB\r\nContent-Length: 0\r\n\r\n";
	const struct iovec part = { (void *)(uintptr_t)answer,
	    sizeof(answer) - 1 };
	char buf[4096];
	ssize_t n = stream_read(s, buf, sizeof(buf));

	if (n > 0) {
		gb.received += (size_t)n;
		stream_send(s, &part, 1);
	} else if (n != STREAM_AGAIN) {
		stream_close(s);
	}
}

static void
gb_opened(struct stream *s)
{
	(void)s;
}

static void
gb_failed(struct stream *s, enum stream_end end)
{
	(void)end;
	stream_close(s);
}

static const struct stream_ops gb_ops = {
	.opened = gb_opened, .readable = gb_readable, .drained = gb_opened,
	.failed = gb_failed,
};

static void
gb_accepted(void *owner, int fd, const struct endpoint *peer)
{
	(void)peer;
	stream_close(&gb.stream);
	gb.accepted++;
	stream_accept(&gb.stream, owner, fd, gb.tls, &gb_ops);
}

static struct tls_context *
context(bool server, const char *name)
{
	struct tls_context *tls;
	char pem[32], key[32];
	struct err err;

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	tls = (server ? tls_link_server_new : tls_link_client_new)(
	    certificate_path(pem), certificate_path(key),
	    certificate_path("ca.pem"), &err);
	if (tls == NULL)
		fail_msg("%s", err.text);
	return tls;
}

static const char *gb_shows = "gb";

static void
gb_begin(struct loop *loop)
{
	static const struct listener_ops ops = { .accepted = gb_accepted };
	struct endpoint at;
	struct err err;
	int fd;

	memset(&gb, 0, sizeof(gb));
	gb.tls = context(true, gb_shows);
	assert_true(endpoint_parse(&at, SLICE("127.0.0.1:0")));
	fd = listener_bind(&at, false, 0, &err);
	assert_true(fd >= 0);
	gb.listener = listener_new(loop, fd, &ops, loop);
	listener_address(gb.listener, &gb.at);
}

static void
gb_end(void)
{
	stream_close(&gb.stream);
	listener_free(&gb.listener);
	tls_context_free(&gb.tls);
}

/* A client in US that takes the link for one to this region. */
static void
link_to(struct client *c, const char *region)
{
	struct upstream_spec spec = { .link = true, .weight = 1 };
	struct tls_context *tls = context(false, "us");
	struct err err;

	memset(c, 0, sizeof(*c));
	c->control = loop_new();
	c->loop = loop_new();
	gb_begin(c->loop);
	c->limits = (struct pool_limits){ .idle = 4, .idle_ms = 60000,
	    .connect_ms = 5000, .response_head_ms = 5000 };
	c->all = upstreams_new(c->control, client_changed, c);
	c->pools = pools_new(c->loop, &c->limits);
	spec.endpoint = gb.at;
	snprintf(spec.region, sizeof(spec.region), "%s", region);
	if (!upstreams_apply(c->all, &(struct upstream_set){ &spec, 1,
	    &client_probe, tls }, &c->up, &err))
		fail_msg("%s", err.text);
	tls_context_free(&tls);		/* upstreams hold their own */
}

static void
a_link_carries_exchanges(void **state)
{
	struct client c;

	(void)state;
	link_to(&c, "GB");
	assert_string_equal(client_get(&c), "head 200; done");
	assert_false(c.reused);
	assert_string_equal(client_get(&c), "head 200; done");
	assert_true(c.reused);
	assert_int_equal(gb.accepted, 1);
	gb_end();
	client_fini(&c);
}

/* Not a byte of a request goes to another region than the one decided. */
static void
another_region_is_sent_nothing(void **state)
{
	struct client c;

	(void)state;
	link_to(&c, "AU");
	assert_string_equal(client_get(&c), "connection-refused");
	assert_false(c.sent);
	run_for(c.loop, 100);
	assert_int_equal(gb.accepted, 1);
	assert_int_equal(gb.received, 0);
	assert_int_equal(atomic_load(&c.up->health), HEALTH_MISCONFIGURED);
	gb_end();
	client_fini(&c);
}

static void
a_handshake_that_fails_says_why(void **state)
{
	struct client c;

	(void)state;
	gb_shows = "old";
	link_to(&c, "GB");
	assert_string_equal(client_get(&c), "connection-refused");
	assert_string_equal(c.refusal, "certificate has expired");
	gb_end();
	client_fini(&c);
	gb_shows = "gb";
}

static void
on_health(void *arg)
{
	loop_stop(arg);
}

/* What a probe over the link finds. */
static enum health
probed(const char *region)
{
	struct loop *loop = loop_new();
	struct upstreams *all = upstreams_new(loop, on_health, loop);
	struct tls_context *tls = context(false, "us");
	struct upstream_spec spec = { .link = true, .weight = 1 };
	enum health health;
	struct upstream *up;
	struct err err;

	gb_begin(loop);
	spec.endpoint = gb.at;
	snprintf(spec.region, sizeof(spec.region), "%s", region);
	assert_true(upstreams_apply(all, &(struct upstream_set){ &spec, 1,
	    &client_probe, tls }, &up, &err));
	tls_context_free(&tls);
	loop_run(loop);
	/* Further probes do not turn one verdict into another. */
	run_for(loop, 400);
	health = atomic_load(&up->health);
	gb_end();
	upstreams_free(&all);
	loop_free(&loop);
	return health;
}

static void
probes_look_at_the_certificate(void **state)
{
	(void)state;
	assert_int_equal(probed("GB"), HEALTH_UP);
	assert_int_equal(probed("AU"), HEALTH_MISCONFIGURED);
}

static int
prepare(void **state)
{
	struct authority ca;

	(void)state;
	certificates_begin();
	ca = authority_new("ca");
	certificate_issue(&ca, "gb", "URI:portolan:region:GB", 3600);
	certificate_issue_from(&ca, "old", "URI:portolan:region:GB", -7200,
	    -3600);
	certificate_issue(&ca, "us", "URI:portolan:region:US", 3600);
	authority_free(&ca);
	return 0;
}

static int
clean_up(void **state)
{
	(void)state;
	certificates_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_carries_exchanges),
		cmocka_unit_test(another_region_is_sent_nothing),
		cmocka_unit_test(a_handshake_that_fails_says_why),
		cmocka_unit_test(probes_look_at_the_certificate),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, prepare, clean_up);
}
