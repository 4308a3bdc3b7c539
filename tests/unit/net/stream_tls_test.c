/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What only a stream of TLS has: whom it trusts, whom it names, bytes that come
 * before it, and tickets.
 */
#include <openssl/ssl.h>

#include "net/tls_peer.h"
#include "stream_world.h"

/* Without close_notify somebody on the way may have ended it. */
static void
a_truncated_tls_stream_is_broken(void **state)
{
	(void)state;
	world_begin(TLS);
	connect_ends();
	send_text(&w.client, "hello, world");
	stream_close(&w.client.s);
	run_until(server_failed);
	assert_true(server_has_greeting());
	assert_false(w.server.eof);
	world_end();
}

/* --- whose certificate ---------------------------------------------------------------------- */

static void
a_link_knows_its_peers_region(void **state)
{
	char id[STREAM_REGION_MAX];

	(void)state;
	world_begin(TLS);
	connect_ends();
	assert_true(stream_peer_region(&w.server.s, id));
	assert_string_equal(id, "US");
	assert_true(stream_peer_region(&w.client.s, id));
	assert_string_equal(id, "GB");
	assert_int_equal(stream_server_name(&w.server.s).len, 0);
	world_end();

	world_begin(TCP);
	connect_ends();
	assert_false(stream_peer_region(&w.server.s, id));
	world_end();
}

static const struct tls_peer *
shown_by(const char *client)
{
	world_begin(TCP);
	w.server_tls = link_context("gb", "ca.pem", true);
	w.client_tls = link_context(client, "ca.pem", false);
	connect_ends();
	return stream_peer_certificate(&w.server.s);
}

static void
a_certificate_says_who_showed_it(void **state)
{
	const struct tls_peer *peer;

	(void)state;
	peer = shown_by("many");
	assert_non_null(peer);
	assert_string_equal(peer->subject, "CN=many");
	assert_int_equal(peer->nnames, 3);
	assert_string_equal(peer->names[0], "DNS:many.example");
	assert_string_equal(peer->names[1], "URI:urn:Case:Kept");
	assert_string_equal(peer->names[2], "EMAIL:o@example.com");
	assert_true(tls_peer_is(peer, "DNS:many.example"));
	assert_false(tls_peer_is(peer, "DNS:many.exampl"));
	assert_false(tls_peer_is(peer, "many.example"));
	assert_false(tls_peer_is(peer, "CN:many"));	/* it has names */
	assert_int_equal(strlen(peer->fingerprint), 64);
	assert_true(peer->field.len > 100);
	assert_int_equal(memcmp(peer->field.p, ":MII", 4), 0);
	assert_int_equal(peer->field.p[peer->field.len - 1], ':');
	assert_ptr_equal(stream_peer_certificate(&w.server.s), peer);
	world_end();

	peer = shown_by("nameless");
	assert_int_equal(peer->nnames, 1);
	assert_true(tls_peer_is(peer, "CN:nameless"));
	world_end();

	world_begin(TCP);
	connect_ends();
	assert_null(stream_peer_certificate(&w.server.s));
	world_end();
}

static const struct { const char *text; bool good; } name_texts[] = {
	{ "URI:urn:a", true }, { "DNS:a", true }, { "EMAIL:a@b", true },
	{ "CN:a b", true }, { "DNS:", false }, { "dns:a", false },
	{ "a", false }, { "", false },
};

static void
names_are_written_with_their_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(name_texts) / sizeof(*name_texts); i++)
		assert_int_equal(tls_peer_is_name(
		    slice_of(name_texts[i].text)), name_texts[i].good);
}

static const struct stranger {
	const char	*server, *server_ca, *client, *client_ca;
} strangers[] = {
	{ "gb", "ca.pem", "stranger", "ca.pem" },	/* a foreign client */
	{ "gb", "ca.pem", "us", "other.pem" },	/* a foreign server */
	{ "gb", "ca.pem", "expired", "ca.pem" },
	{ "expired", "ca.pem", "us", "ca.pem" },
};

static bool
both_failed(void)
{
	return w.client.failed && w.server.failed;
}

static void
strangers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		const struct stranger *row = &strangers[i];

		world_begin(TCP);
		w.server_tls = link_context(row->server, row->server_ca, true);
		w.client_tls = link_context(row->client, row->client_ca, false);
		stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
		run_until(both_failed);
		/* In TLS 1.3 the client has finished before the server has
		 * looked at its certificate. */
		assert_false(w.server.open);
		assert_int_equal(w.server.why, STREAM_TLS_FAILED);
		assert_true(w.client.why == STREAM_TLS_FAILED ||
		    w.client.open);
		world_end();
	}
}

/* A client without a certificate: what a browser would be. */
static void
a_link_demands_a_certificate(void **state)
{
	struct err err;

	(void)state;
	world_begin(TCP);
	w.server_tls = link_context("gb", "ca.pem", true);
	stream_connect(&w.client.s, w.loop, &w.at, NULL, &ops);
	send_text(&w.client, "GET / HTTP/1.1\r\n\r\n");
	run_until(server_failed);
	assert_int_equal(w.server.why, STREAM_TLS_FAILED);
	world_end();

	/* And facing clients, none is asked for. */
	world_begin(TCP);
	w.server_tls = certificate_server(certificate_path("gb.pem"),
	    certificate_path("gb.key"), &err);
	w.client_tls = link_context("us", "ca.pem", false);
	connect_ends();
	assert_false(stream_peer_region(&w.server.s, (char[16]){ 0 }));
	world_end();
}

/* --- before TLS ------------------------------------------------------------------------- */

static void
read_preface(struct end *e)
{
	char bytes[6];
	ssize_t n = stream_read(&e->s, bytes, sizeof(bytes) - e->got.len);

	if (n > 0)
		buf_add(&e->got, bytes, (size_t)n);
}

static bool
preface_came(void)
{
	return w.server.got.len == 6;
}

static bool
all_came(void)
{
	return w.server.got.len == 12;
}

static void
what_comes_before_tls_is_in_clear(void **state)
{
	struct tls_context *server;

	(void)state;
	world_begin(TCP);
	server = link_context("gb", "ca.pem", true);
	w.client_tls = link_context("us", "ca.pem", false);
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	stream_preface(&w.client.s, SLICE("before"));
	/* Not a byte more: what is TLS's has to stay in the socket. */
	w.server.on_readable = read_preface;
	run_until(preface_came);
	assert_memory_equal(w.server.got.p, "before", 6);
	w.server.on_readable = NULL;
	w.server.open = false;
	assert_true(stream_start_tls(&w.server.s, server));
	run_until(both_open);
	send_text(&w.client, "within");
	run_until(all_came);
	assert_memory_equal(w.server.got.p, "beforewithin", 12);
	tls_context_free(&server);
	world_end();

	world_begin(TCP);
	stream_connect(&w.client.s, w.loop, &w.at, NULL, &ops);
	stream_preface(&w.client.s, SLICE("before"));
	run_until(preface_came);
	send_text(&w.client, "within");
	run_until(all_came);
	assert_memory_equal(w.server.got.p, "beforewithin", 12);
	world_end();
}

/* --- tickets -------------------------------------------------------------------------------- */

static bool
client_has_answer(void)
{
	return slice_is(buf_all(&w.client.got), "answer");
}

static void
answer_it(struct end *e)
{
	read_all(e);
	assert_true(server_has_greeting());
	assert_true(unsent(e) > 0);
	send_text(e, "answer");
	assert_int_equal(unsent(e), 0);
}

/* Where a request has come with the end of the handshake, the ticket travels
 * with its answer; else at once. */
static void
a_ticket_goes_with_the_answer(void **state)
{
	struct err err;

	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		world_begin(TCP);
		w.server_tls = certificate_server(certificate_path("gb.pem"),
		    certificate_path("gb.key"), &err);
		w.client_tls = link_context("us", "ca.pem", false);
		if (asks == 0) {
			connect_ends();
			assert_int_equal(unsent(&w.server), 0);
			send_text(&w.server, "answer");
		} else {
			w.server.on_readable = answer_it;
			stream_connect(&w.client.s, w.loop, &w.at,
			    w.client_tls, &ops);
			send_text(&w.client, "hello, world");
		}
		run_until(client_has_answer);
		assert_true(SSL_SESSION_has_ticket(SSL_get0_session(
		    w.client.s.tls)));
		world_end();
	}
}

/* --- in order ------------------------------------------------------------------------------- */

static int
prepare(void **state)
{
	struct authority ca = link_authority(), other = authority_new("other");

	(void)state;
	certificate_issue(&ca, "many", "DNS:Many.example,URI:urn:Case:Kept,"
	    "email:o@example.com,IP:192.0.2.1", 3600);
	certificate_issue(&ca, "nameless", NULL, 3600);
	certificate_issue(&ca, "expired", "URI:portolan:region:US", -60);
	certificate_issue(&other, "stranger", "URI:portolan:region:US", 3600);
	authority_free(&ca);
	authority_free(&other);
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
		cmocka_unit_test(a_truncated_tls_stream_is_broken),
		cmocka_unit_test(a_link_knows_its_peers_region),
		cmocka_unit_test(a_certificate_says_who_showed_it),
		cmocka_unit_test(names_are_written_with_their_kind),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(a_link_demands_a_certificate),
		cmocka_unit_test(what_comes_before_tls_is_in_clear),
		cmocka_unit_test(a_ticket_goes_with_the_answer),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
