/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Clients who are passed on by the name that they ask TLS for, with nothing
 * of what they sent taken; and those who are not.
 */
#include "world.h"

#include "net/client_hello.h"

static SSL_CTX *ctx;
static char passed_bytes[4096];		/* what the handler found unread */
static size_t passed_len;

static bool
on_passes(struct server *server, struct slice name)
{
	assert_ptr_equal(server, w.server);
	return slice_is(name, "gb.example");
}

static void
on_pass(struct server *server, const struct serve_passed *passed)
{
	char peer[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	ssize_t n = recv(passed->fd, passed_bytes, sizeof(passed_bytes), 0);

	assert_ptr_equal(server, w.server);
	assert_ptr_equal(passed->listener, &w);
	assert_int_equal(server->connections, 0);
	passed_len = n > 0 ? (size_t)n : 0;
	close(passed->fd);
	trace("passed %.*s from %s to %s;", SLICE_ARG(passed->name),
	    addr_text(&passed->peer->addr, peer),
	    addr_text(&passed->local->addr, local));
}

static void
on_malformed(struct server *server, void *listener,
    const struct endpoint *peer, const char *rule, const char *sentence)
{
	(void)server, (void)listener, (void)peer, (void)sentence;
	trace("malformed %s;", rule);
}

static void
on_unheard(struct server *server, void *listener, const struct endpoint *peer,
    const char *reason)
{
	(void)server;
	(void)peer;
	assert_ptr_equal(listener, &w);
	trace("the ClientHello %s;", reason);
}

static int
begin(void **state)
{
	(void)state;
	world_begin(true);
	w.passes = true;
	w.ops.passes = on_passes;
	w.ops.pass = on_pass;
	w.ops.unheard = on_unheard;
	w.ops.malformed = on_malformed;
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

/* The hello that a client with this name begins with. */
static struct buf
hello_for(const char *name)
{
	struct buf bytes = { 0 };
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	char copy[64], *p;
	long n;

	snprintf(copy, sizeof(copy), "%s", name);
	SSL_set_tlsext_host_name(ssl, copy);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	assert_int_equal(SSL_connect(ssl), -1);
	n = BIO_get_mem_data(out, &p);
	buf_add(&bytes, p, (size_t)n);
	SSL_free(ssl);
	return bytes;
}

static void
send_bytes(struct client *c, const char *p, size_t len)
{
	assert_int_equal(send(c->fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
by_name_and_whole(void **state)
{
	struct buf hello = hello_for("GB.example");
	struct client c;

	(void)state;
	world_go();
	client_connect(&c);
	/* A byte at a time for the first hundred. */
	for (size_t i = 0; i < 100; i++)
		send_bytes(&c, hello.p + i, 1);
	send_bytes(&c, hello.p + 100, hello.len - 100);
	expect_trace("passed gb.example from 127.0.0.1 to 127.0.0.1;");
	assert_int_equal(passed_len, hello.len);
	assert_memory_equal(passed_bytes, hello.p, hello.len);
	client_close(&c);
	buf_fini(&hello);
}

static void
others_are_served(void **state)
{
	static const char *const names[] = { "us.example", "b.example" };

	(void)state;
	world_go();
	for (size_t i = 0; i < 2; i++) {
		char name[32];
		struct client c;

		client_connect(&c);
		c.ssl = SSL_new(ctx);
		SSL_set_fd(c.ssl, c.fd);
		snprintf(name, sizeof(name), "%s", names[i]);
		if (i > 0)		/* and who asks for none */
			SSL_set_tlsext_host_name(c.ssl, name);
		assert_int_equal(SSL_connect(c.ssl), 1);
		client_send(&c, GET("/hello"));
		client_expect(&c, HELLO);
		expect_trace("head /hello;gone done;");
		client_close(&c);
		clear_trace();
	}
}

static const struct {
	struct slice	 bytes;
	bool		 ended;
	const char	*trace;
} wrong[] = {
	{ SLICE("SSH-2.0-OpenSSH_9.6\r\n"), false,
	    "the ClientHello is none: this is not TLS;" },
	{ SLICE(GET("/hello")), false, "refuse 400 plain-http;gone refused;" },
	{ SLICE("DELETE / HTTP/1.1\r\n"), false,
	    "refuse 400 plain-http;gone refused;" },
	{ SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), false,
	    "malformed plain-http;" },
	{ SLICE("\x16\3\1\0\0"), false,
	    "the ClientHello comes in a record of a size that is not allowed;" },
	{ SLICE("\x16\3\1\1\0\1\0"), true, "the ClientHello is cut off;" },
};

static void
what_is_no_hello_is_not_decrypted(void **state)
{
	(void)state;
	world_go();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct client c;

		client_connect(&c);
		send_bytes(&c, wrong[i].bytes.p, wrong[i].bytes.len);
		if (wrong[i].ended)
			shutdown(c.fd, SHUT_WR);
		expect_trace(wrong[i].trace);
		client_close(&c);
		clear_trace();
	}
}

/* What another edge has passed on already is served, whatever its name. */
static void
nobody_is_passed_on_twice(void **state)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x17"
	    "\x51\x02\x45\xa0\x7f\0\0\1\x04\x57\1\xbb\xe0\0\x08portolan";
	char name[] = "gb.example";
	struct client c;

	(void)state;
	w.proxied = true;
	world_go();
	client_connect(&c);
	send_bytes(&c, header, sizeof(header) - 1);
	c.ssl = SSL_new(ctx);
	SSL_set_fd(c.ssl, c.fd);
	SSL_set_tlsext_host_name(c.ssl, name);
	assert_int_equal(SSL_connect(c.ssl), 1);
	client_send(&c, GET("/hello"));
	client_expect(&c, HELLO);
	client_close(&c);
	expect_trace("head /hello;gone done;");
	clear_trace();

	/* Another relay's client is passed on, as the one that it told of. */
	client_connect(&c);
	send_bytes(&c, "PROXY TCP4 81.2.69.160 192.0.2.1 1111 443\r\n", 43);
	{
		struct buf hello = hello_for(name);

		send_bytes(&c, hello.p, hello.len);
		expect_trace("passed gb.example from 81.2.69.160 to "
		    "192.0.2.1;");
		assert_int_equal(passed_len, hello.len);
		buf_fini(&hello);
	}
	client_close(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_name_and_whole),
		TEST(others_are_served),
		TEST(what_is_no_hello_is_not_decrypted),
		TEST(nobody_is_passed_on_twice),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
