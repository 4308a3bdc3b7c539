/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Listeners where a PROXY header has to come before HTTP or TLS.
 */
#include "world.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V1 "PROXY TCP4 81.2.69.160 192.0.2.1 1111 443\r\n"
#define V2 SIGNATURE "\x21\x11\0\x0c\x51\x02\x45\xa0\xc0\0\x02\x01\x04\x57\1\xbb"
#define TOLD "peer 81.2.69.160 1111 by 127.0.0.1 to 192.0.2.1 443 ;"
#define ANSWERED "head /hello;gone done;"

/* 127.0.0.1 has a port that nobody can foretell. */
static void
peer_head(struct request *r)
{
	const struct serve_proxy *told = request_proxy(r);
	char peer[ADDR_TEXT_MAX], relay[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	addr_text(&request_peer(r)->addr, peer);
	if (told == NULL)
		trace("peer %s;", peer);
	else
		trace("peer %s %u by %s to %s %u %s;", peer,
		    request_peer(r)->port, addr_text(&told->relay, relay),
		    addr_text(&told->destination, to), told->destination_port,
		    told->vpc_endpoint);
	on_head(r);
}

static void
on_unproxied(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason)
{
	char text[ADDR_TEXT_MAX];

	assert_ptr_equal(server, w.server);
	assert_ptr_equal(listener, &w);
	trace("%s: %s;", addr_text(&peer->addr, text), reason);
}

static void
begin_proxied(void)
{
	w.proxied = true;
	w.ops.head = peer_head;
	w.ops.unproxied = on_unproxied;
	world_go();
}

static void
nothing(void)
{
}

/* What was sent has been read: one whole turn lies between the two. */
static void
let_it_be_read(void)
{
	on_loop(nothing);
	on_loop(nothing);
}

static void
send_slice(struct client *c, struct slice bytes)
{
	assert_int_equal(send(c->fd, bytes.p, bytes.len, MSG_NOSIGNAL),
	    bytes.len);
}

static void
shake_hands(struct client *c)
{
	if (w.tls == NULL)
		return;
	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	assert_int_equal(SSL_connect(c->ssl), 1);
}

static void
ask(struct client *c)
{
	client_send(c, GET("/hello"));
	client_expect(c, HELLO);
}

/* --- headers that are good -------------------------------------------------- */

static const struct good {
	struct slice	 header;
	const char	*trace;
} good[] = {
	{ SLICE(V1), TOLD ANSWERED },
	{ SLICE(V2), TOLD ANSWERED },
	{ SLICE("PROXY TCP6 2001:218::1 ::1 1111 443\r\n"),
	    "peer 2001:218::1 1111 by 127.0.0.1 to ::1 443 ;" ANSWERED },
	{ SLICE(SIGNATURE "\x21\x11\0\x18\x51\x02\x45\xa0\xc0\0\x02\x01\x04\x57"
	    "\1\xbb\xea\0\x09\x01vpce-012"), "peer 81.2.69.160 1111 by "
	    "127.0.0.1 to 192.0.2.1 443 vpce-012;" ANSWERED },
	{ SLICE("PROXY UNKNOWN\r\n"), "peer 127.0.0.1;" ANSWERED },
	{ SLICE(SIGNATURE "\x20\0\0\0"), "peer 127.0.0.1;" ANSWERED },
	{ SLICE(SIGNATURE "\x20\x11\0\x0c\x51\x02\x45\xa0\xc0\0\x02\x01\x04"
	    "\x57\1\xbb"), "peer 127.0.0.1;" ANSWERED },
	{ SLICE(SIGNATURE "\x21\0\0\0"), "peer 127.0.0.1;" ANSWERED },
};

STORY(the_header_tells_the_peer)
{
	begin_proxied();
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		client_connect(c);
		send_slice(c, good[i].header);
		shake_hands(c);
		ask(c);
		expect_trace(good[i].trace);
		client_close(c);
		clear_trace();
	}
}

STORY(it_holds_for_all_requests)
{
	begin_proxied();
	client_connect(c);
	send_slice(c, SLICE(V2));
	shake_hands(c);
	ask(c);
	ask(c);
	expect_trace(TOLD ANSWERED TOLD ANSWERED);
	client_close(c);
}

static void
split(struct client *c, struct slice header, size_t at)
{
	client_connect(c);
	send_slice(c, (struct slice){ header.p, at });
	let_it_be_read();
	send_slice(c, (struct slice){ header.p + at, header.len - at });
	shake_hands(c);
	ask(c);
	expect_trace(TOLD ANSWERED);
	client_close(c);
	clear_trace();
}

STORY(it_may_come_in_two_packets)
{
	begin_proxied();
	for (size_t at = 1; at < strlen(V1); at++)
		split(c, SLICE(V1), at);
	for (size_t at = 1; at < sizeof(V2) - 1; at++)
		split(c, SLICE(V2), at);
}

STORY(it_may_come_byte_by_byte)
{
	begin_proxied();
	client_connect(c);
	for (size_t i = 0; i < sizeof(V2) - 1; i++) {
		send_slice(c, (struct slice){ &V2[i], 1 });
		let_it_be_read();
	}
	shake_hands(c);
	ask(c);
	expect_trace(TOLD ANSWERED);
	client_close(c);
}

/* The first flight of a handshake, for the packet of the header. */
static void
send_with_hello(struct client *c, struct buf *packet)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes;
	long len;

	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), out);
	assert_int_equal(SSL_connect(c->ssl), -1);
	len = BIO_get_mem_data(out, &bytes);
	assert_true(len > 0);
	buf_add(packet, bytes, (size_t)len);
	send_slice(c, buf_all(packet));
	SSL_set_fd(c->ssl, c->fd);
	assert_int_equal(SSL_connect(c->ssl), 1);
	ask(c);
}

STORY(what_follows_in_its_packet_is_the_clients)
{
	struct buf packet = { 0 };

	begin_proxied();
	client_connect(c);
	buf_slice(&packet, SLICE(V2));
	if (w.tls != NULL) {
		send_with_hello(c, &packet);
	} else {
		buf_slice(&packet, SLICE(GET("/hello")));
		send_slice(c, buf_all(&packet));
		client_expect(c, HELLO);
	}
	expect_trace(TOLD ANSWERED);
	client_close(c);
	buf_fini(&packet);
}

/* 16 KiB, of which each packet brings a part. */
STORY(the_longest_is_read)
{
	static char bytes[16 * 1024];
	const size_t tlv = sizeof(bytes) - 16 - 12 - 3;

	memcpy(bytes, V2, sizeof(V2) - 1);
	bytes[14] = (char)((sizeof(bytes) - 16) >> 8);
	bytes[15] = (char)(sizeof(bytes) - 16);
	bytes[28] = 0x04;
	bytes[29] = (char)(tlv >> 8);
	bytes[30] = (char)tlv;
	begin_proxied();
	client_connect(c);
	for (size_t i = 0; i < sizeof(bytes); i += 4096) {
		send_slice(c, (struct slice){ bytes + i, 4096 });
		let_it_be_read();
	}
	shake_hands(c);
	ask(c);
	expect_trace(TOLD ANSWERED);
	client_close(c);
}

static void
drop_context(void)
{
	tls_context_free(&w.tls);
}

/* A reload ends the generation that its certificate belongs to. */
static void
the_context_lives_while_it_waits(void **state)
{
	struct client client, *c = &client;

	(void)state;
	world_begin(true);
	begin_proxied();
	client_connect(c);
	send_slice(c, (struct slice){ V2, 5 });
	let_it_be_read();
	on_loop(drop_context);
	send_slice(c, (struct slice){ &V2[5], sizeof(V2) - 6 });
	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	assert_int_equal(SSL_connect(c->ssl), 1);
	ask(c);
	expect_trace(TOLD ANSWERED);
	client_close(c);
	world_end();
}

/* --- headers that are not ------------------------------------------------------ */

static const struct bad {
	struct slice	 bytes;
	const char	*trace;
} bad[] = {
	{ SLICE(GET("/hello")), "127.0.0.1: is missing;" },
	{ SLICE("\x16\x03\x01\0\x05hello"), "127.0.0.1: is missing;" },
	{ SLICE("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n" GET("/hello")),
	    "127.0.0.1: names no known protocol;" },
	{ SLICE(SIGNATURE "\x31\x11\0\x0c"), "127.0.0.1: has an unknown "
	    "version;" },
	{ SLICE(SIGNATURE "\x21\x11\xff\xff"), "127.0.0.1: is larger than "
	    "16 KiB;" },
};

/* Not even an HTTP answer: nobody knows whose it would be. */
static void
expect_closed(struct client *c)
{
	assert_true(client_more(c) <= 0);
	assert_int_equal(c->got.len, 0);
}

STORY(without_one_the_connection_is_closed)
{
	begin_proxied();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		client_connect(c);
		send_slice(c, bad[i].bytes);
		expect_closed(c);
		expect_trace(bad[i].trace);
		client_close(c);
		clear_trace();
	}
}

STORY(it_comes_in_time_or_not_at_all)
{
	w.limits.head_ms = 100;
	begin_proxied();
	for (size_t n = 0; n < 20; n += 19) {
		client_connect(c);
		send_slice(c, (struct slice){ V2, n });
		expect_closed(c);
		expect_trace("127.0.0.1: did not come in time;");
		client_close(c);
		clear_trace();
	}
}

/* Who only looks whether somebody listens is no news. */
STORY(one_cut_off_is_told)
{
	begin_proxied();
	for (size_t n = 0; n < 20; n += 19) {
		client_connect(c);
		send_slice(c, (struct slice){ V2, n });
		shutdown(c->fd, SHUT_WR);
		expect_closed(c);
		expect_trace(n == 0 ? "" : "127.0.0.1: is cut off;");
		client_close(c);
	}
}

STORY(a_second_one_is_no_request)
{
	begin_proxied();
	client_connect(c);
	send_slice(c, SLICE(V1));
	shake_hands(c);
	client_send(c, V1);
	client_expect(c, "HTTP/1.1 400 Bad Request\r\n");
	client_close(c);
}

/* Nothing is left behind when the server ends meanwhile. */
static void
the_server_may_end_before(void **state)
{
	struct client c;

	(void)state;
	world_begin(true);
	begin_proxied();
	client_connect(&c);
	send_slice(&c, (struct slice){ V2, 20 });
	let_it_be_read();
	world_end();
	expect_closed(&c);
	client_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_tells_the_peer),
		cmocka_unit_test(it_holds_for_all_requests),
		cmocka_unit_test(it_may_come_in_two_packets),
		cmocka_unit_test(it_may_come_byte_by_byte),
		cmocka_unit_test(what_follows_in_its_packet_is_the_clients),
		cmocka_unit_test(the_longest_is_read),
		cmocka_unit_test(the_context_lives_while_it_waits),
		cmocka_unit_test(without_one_the_connection_is_closed),
		cmocka_unit_test(it_comes_in_time_or_not_at_all),
		cmocka_unit_test(one_cut_off_is_told),
		cmocka_unit_test(a_second_one_is_no_request),
		cmocka_unit_test(the_server_may_end_before),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
