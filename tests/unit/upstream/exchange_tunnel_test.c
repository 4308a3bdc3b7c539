/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tunnels: what was an exchange until its peer switched protocols.
 */
#include "support/peer.h"

#define UPGRADE_HEAD	"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n" \
			"Upgrade: websocket\r\n\r\n"
#define SWITCHING	"HTTP/1.1 101 Switching Protocols\r\n" \
			"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"

static void
echoes(struct peer *p)
{
	char buf[256];
	int fd = peer_accept(p);
	ssize_t n;

	peer_request(p, fd);
	peer_text(fd, SWITCHING "welcome ");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		peer_bytes(fd, buf, (size_t)n);
	peer_text(fd, " bye");
	close(fd);
}

static void
talks(struct client *c, const char *what)
{
	if (strcmp(what, "head") == 0)
		assert_true(exchange_send(c->ex, SLICE("ping")));
	else if (strcmp(what, "body") == 0 && c->body.len == 12)
		exchange_send_last(c->ex, SLICE(""), SLICE(""));
}

static void
a_tunnel_carries_both_ways(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, echoes);
	c.act = talks;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_int_equal(c.done, 1);
	assert_string_equal(buf_cstr(&c.body), "welcome ping bye");
	client_part(&c, &p);
}

static void
switches_and_waits(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, SWITCHING);
	peer_wait_close(fd);
}

static void
a_silent_tunnel_has_its_time(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, switches_and_waits);
	c.limits.tunnel_idle_ms = 50;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log),
	    "head 101; response-body-timeout");
	client_part(&c, &p);
}

static void
closes_its_side(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, SWITCHING "last words");
	shutdown(fd, SHUT_WR);
	peer_wait_close(fd);
}

static void
finishes_late(struct client *c, const char *what)
{
	if (strcmp(what, "last") == 0) {
		exchange_send(c->ex, SLICE("still talking"));
		exchange_send_last(c->ex, SLICE(""), SLICE(""));
	}
}

static void
a_tunnel_closes_one_side_at_a_time(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, closes_its_side);
	c.act = finishes_late;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_string_equal(buf_cstr(&c.body), "last words");
	client_part(&c, &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_carries_both_ways),
		cmocka_unit_test(a_silent_tunnel_has_its_time),
		cmocka_unit_test(a_tunnel_closes_one_side_at_a_time),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
