/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What clients find who speak TLS: protocol, name, resumption, versions.
 */
#include "world.h"

#include <netinet/tcp.h>

static SSL_CTX *ctx;

/* A handshake with what ctx and name say; false if it fails. */
static bool
handshake(struct client *c, const char *name, SSL_SESSION *session)
{
	char copy[64];			/* OpenSSL's macro drops the const */

	client_connect(c);
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	if (name != NULL) {
		snprintf(copy, sizeof(copy), "%s", name);
		SSL_set_tlsext_host_name(c->ssl, copy);
	}
	if (session != NULL)
		assert_int_equal(SSL_set_session(c->ssl, session), 1);
	return SSL_connect(c->ssl) == 1;
}

static void
name_head(struct request *r)
{
	if (stream_alpn(request_stream(r)).len > 0)
		trace("alpn %.*s;", SLICE_ARG(stream_alpn(request_stream(r))));
	trace("name %.*s;", SLICE_ARG(stream_server_name(request_stream(r))));
	on_head(r);
}

static int
begin(void **state)
{
	(void)state;
	world_begin(true);
	w.ops.head = name_head;
	world_go();
	ctx = SSL_CTX_new(TLS_client_method());
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_end();
	SSL_CTX_free(ctx);
	return 0;
}

static void
the_name_asked_for_is_known(void **state)
{
	struct client c;

	(void)state;
	assert_true(handshake(&c, "gb.flow.example.com", NULL));
	client_send(&c, GET("/hello"));
	client_expect(&c, HELLO);
	expect_trace("name gb.flow.example.com;head /hello;gone done;");
	client_close(&c);
	clear_trace();
	assert_true(handshake(&c, NULL, NULL));
	client_send(&c, GET("/hello"));
	client_expect(&c, HELLO);
	expect_trace("name ;head /hello;gone done;");
	client_close(&c);
}

static const struct offer {
	const char	*offered;	/* as ALPN carries it */
	const char	*chosen;	/* NULL: the handshake fails */
} offers[] = {
	{ "\x02h2\x08http/1.1", "http/1.1" },
	{ "\x08http/1.1", "http/1.1" },
	{ "\x02h2", NULL },		/* RFC 7301 3.2 */
};

static void
http_1_1_is_chosen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		const unsigned char *chosen;
		struct client c;
		unsigned len;

		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)
		    offers[i].offered, (unsigned)strlen(offers[i].offered));
		assert_int_equal(handshake(&c, NULL, NULL),
		    offers[i].chosen != NULL);
		SSL_get0_alpn_selected(c.ssl, &chosen, &len);
		if (offers[i].chosen != NULL) {
			assert_int_equal(len, strlen(offers[i].chosen));
			assert_memory_equal(chosen, offers[i].chosen, len);
		}
		client_close(&c);
	}
}

static void
a_listener_chooses_what_it_offers(void **state)
{
	static const char *const ids[] = { "x/2", "http/1.1" };
	struct client c;

	(void)state;
	tls_context_offer(w.tls, ids, 2);
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)
	    "\x08http/1.1\x03x/2", 13);
	assert_true(handshake(&c, NULL, NULL));
	client_send(&c, GET("/hello"));
	client_expect(&c, HELLO);
	expect_trace("alpn x/2;name ;head /hello;gone done;");
	client_close(&c);
}

static void
sessions_are_resumed_by_ticket(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SSL_SESSION *session;
		struct client c;

		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		assert_true(handshake(&c, NULL, NULL));
		client_send(&c, GET("/hello"));
		client_expect(&c, HELLO);
		session = SSL_get1_session(c.ssl);
		assert_false(SSL_session_reused(c.ssl));
		SSL_shutdown(c.ssl);	/* or OpenSSL would not trust it */
		client_close(&c);
		assert_true(handshake(&c, NULL, session));
		assert_true(SSL_session_reused(c.ssl));
		client_send(&c, GET("/hello"));
		client_expect(&c, HELLO);
		SSL_SESSION_free(session);
		client_close(&c);
	}
}

/* One round trip with the group that clients offer first. */
static void
x25519_is_preferred(void **state)
{
	struct client c;

	(void)state;
	assert_true(handshake(&c, NULL, NULL));
	assert_int_equal(SSL_get_negotiated_group(c.ssl), NID_X25519);
	client_close(&c);
}

static void
old_versions_are_refused(void **state)
{
	struct client c;

	(void)state;
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	assert_false(handshake(&c, NULL, NULL));
	client_close(&c);
}

/* Plain HTTP on the port of TLS, as a mistyped address brings it. */
#define PLAIN_HEAD "HTTP/1.1 400 Bad Request\r\n*\r\nContent-Length: 79\r\n" \
	"Connection: close\r\n*\r\n\r\n"
#define PLAIN_HTTP PLAIN_HEAD "this port speaks TLS and the request came " \
	"without it; ask for https:// instead\n"

static void
expect_told(struct client *c, const char *answer)
{
	client_expect(c, answer);
	client_expect_end(c);
	client_close(c);
	expect_trace("refuse 400 plain-http;gone refused;");
	clear_trace();
}

static void
plain_http_is_told_that_tls_is_spoken(void **state)
{
	static const char *const asked[] = { GET("/hello"), "PUT /\r\n",
	    "POST /hello ", "DELETE / HTTP/1.1\r\n", "PATCH /", "OPTIONS *",
	    "TRACE / HTTP/1.1\r\n", "CONNECT a:443 HTTP/1.1\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct client c;

		client_connect(&c);
		client_send(&c, asked[i]);
		expect_told(&c, PLAIN_HTTP);
	}
}

/* RFC 9110 9.3.2: the head of what another method would get. */
static void
plain_head_is_told_so_without_a_body(void **state)
{
	struct client c;

	(void)state;
	client_connect(&c);
	client_send(&c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_told(&c, PLAIN_HEAD);
}

/* However few bytes the method comes in. */
static void
a_plain_request_in_pieces_is_answered_as_well(void **state)
{
	const int on = 1;
	struct client c;

	(void)state;
	client_connect(&c);
	setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client_send(&c, "D");
	client_send(&c, "ELE");
	client_send(&c, "TE / HTTP/1.1\r\n\r\n");
	expect_told(&c, PLAIN_HTTP);
}

/* However much of it there is, it is thrown away and the answer arrives. */
static void
a_long_plain_request_is_answered_as_well(void **state)
{
	char rest[20000];
	struct client c;

	(void)state;
	memset(rest, 'x', sizeof(rest) - 1);
	rest[sizeof(rest) - 1] = '\0';
	client_connect(&c);
	client_send(&c, "POST /hello HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 20000\r\n\r\n");
	client_send(&c, rest);
	expect_told(&c, PLAIN_HTTP);
}

/* Nor is TLS, whatever its record holds. */
static void
other_bytes_are_not_answered(void **state)
{
	static const char *const sent[] = { "SSH-2.0-OpenSSH_9.6\r\n",
	    "EHLO a.example\r\n", "GETS / HTTP/1.1\r\n", "get / HTTP/1.1\r\n",
	    "\x16GET / HTTP/1.1\r\n", "\x16\3\1\1\1GET / HTTP/1.1\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct client c;

		client_connect(&c);
		client_send(&c, sent[i]);
		shutdown(c.fd, SHUT_WR);
		while (client_more(&c) > 0)
			continue;	/* an alert */
		assert_true(c.got.len == 0 || c.got.p[0] != 'H');
		expect_trace("");
		client_close(&c);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_name_asked_for_is_known),
		TEST(http_1_1_is_chosen),
		TEST(a_listener_chooses_what_it_offers),
		TEST(sessions_are_resumed_by_ticket),
		TEST(x25519_is_preferred),
		TEST(old_versions_are_refused),
		TEST(plain_http_is_told_that_tls_is_spoken),
		TEST(plain_head_is_told_so_without_a_body),
		TEST(a_plain_request_in_pieces_is_answered_as_well),
		TEST(a_long_plain_request_is_answered_as_well),
		TEST(other_bytes_are_not_answered),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
