/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What clients are shown: certificates by name, sessions that are bound to it,
 * staples; and what is demanded of them.  Both ends in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <time.h>

#include "net/tls_private.h"
#include "support/certificates.h"

static struct authority ca;

/* --- both ends ------------------------------------------------------------------------ */

struct ends {
	SSL	*server, *client;
	bool	 good;
};

/* What the client brings; zero: nothing. */
struct client {
	const char	*name;
	int		 version;	/* 0: any */
	SSL_SESSION	*session;
	const char	*certificate, *key;
	const char	*signatures;	/* that it knows */
	bool		 status;	/* asks for a staple */
};

static bool
both_shake(struct ends *e)
{
	int client = 0, server = 0;

	for (int i = 0; i < 10 && (client != 1 || server != 1); i++) {
		client = SSL_do_handshake(e->client);
		server = SSL_do_handshake(e->server);
		if ((client != 1 && SSL_get_error(e->client, client) ==
		    SSL_ERROR_SSL) || (server != 1 &&
		    SSL_get_error(e->server, server) == SSL_ERROR_SSL))
			return false;
	}
	return client == 1 && server == 1;
}

static struct ends
meet(struct tls_context *tls, const struct client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct ends e = { .server = SSL_new(tls_ssl_ctx(tls)) };
	char byte, copy[64];
	BIO *a, *b;

	SSL_CTX_set_max_proto_version(ctx, c->version);
	if (c->signatures != NULL) {
		snprintf(copy, sizeof(copy), "%s", c->signatures);
		SSL_CTX_set1_sigalgs_list(ctx, copy);
	}
	if (c->certificate != NULL) {
		SSL_CTX_use_certificate_file(ctx, certificate_path(
		    c->certificate), SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(ctx, certificate_path(c->key),
		    SSL_FILETYPE_PEM);
	}
	e.client = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (c->name != NULL) {
		snprintf(copy, sizeof(copy), "%s", c->name);
		SSL_set_tlsext_host_name(e.client, copy);
	}
	if (c->status)
		SSL_set_tlsext_status_type(e.client, TLSEXT_STATUSTYPE_ocsp);
	if (c->session != NULL)
		SSL_set_session(e.client, c->session);
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(e.server, a, a);
	SSL_set_bio(e.client, b, b);
	SSL_set_accept_state(e.server);
	SSL_set_connect_state(e.client);
	e.good = both_shake(&e);
	/* The ticket of TLS 1.3 comes after the handshake. */
	if (e.good)
		assert_int_equal(SSL_read(e.client, &byte, 1), -1);
	return e;
}

static void
part(struct ends *e)
{
	if (e->good)
		SSL_shutdown(e->client);	/* or no session is kept */
	SSL_free(e->server);
	SSL_free(e->client);
}

static struct tls_context *
build(const struct tls_server_spec *spec)
{
	struct tls_context *tls;
	struct err err;
	size_t fault;

	tls = tls_server_build(spec, &fault, &err);
	if (tls == NULL)
		fail_msg("%s", err.text);
	return tls;
}

static struct tls_pair
pair(const char *name)
{
	static char paths[32][128];
	static unsigned next;
	char *pem = paths[next++ % 32], *key = paths[next++ % 32];

	snprintf(pem, 128, "%s/%s.pem", certificates_dir, name);
	snprintf(key, 128, "%s/%s.key", certificates_dir, name);
	return (struct tls_pair){ pem, key };
}

/* --- certificates by name ------------------------------------------------------------- */

static const struct {
	const char	*asked, *shown;
} chosen[] = {
	{ NULL, "first" },
	{ "nobody.example", "first" },
	{ "first.example", "first" },
	{ "gb.example", "gb" },
	{ "GB.Example", "gb" },
	{ "a.wild.example", "wild" },
	{ "exact.wild.example", "exact" },	/* wins over the wildcard */
	{ "a.b.wild.example", "first" },	/* a star is one label */
	{ "wild.example", "first" },
	{ "twice.example", "gb" },	/* of two the earlier one */
};

static void
shown_is(struct ends *e, const char *who, size_t row)
{
	X509 *x = SSL_get0_peer_certificate(e->client);
	char name[64];

	assert_true(e->good);
	assert_non_null(x);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
	    name, sizeof(name));
	if (strcmp(name, who) != 0)
		fail_msg("row %zu: %s", row, name);
}

static void
the_most_specific_name_wins(void **state)
{
	const struct tls_pair pairs[] = { pair("first"), pair("gb"),
	    pair("wild"), pair("exact") };
	struct tls_context *tls = build(&(struct tls_server_spec){
	    .pairs = pairs, .npairs = 4 });

	(void)state;
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		struct ends e = meet(tls, &(struct client){
		    .name = chosen[i].asked });

		shown_is(&e, chosen[i].shown, i);
		part(&e);
	}
	assert_int_equal(tls_context_count(tls), 4);
	assert_string_equal(tls_context_certificate(tls, 1)->subject, "gb");
	assert_int_equal(tls_context_certificate(tls, 1)->nnames, 2);
	assert_true(tls_context_serves(tls, SLICE("b.wild.example")));
	assert_false(tls_context_serves(tls, SLICE("wild.example")));
	assert_false(tls_context_serves(tls, SLICE("")));
	tls_context_free(&tls);
}

static void
keys_of_two_types_stand_side_by_side(void **state)
{
	const struct tls_pair pairs[] = { pair("first"), pair("gb"),
	    pair("rsa") };
	struct tls_context *tls = build(&(struct tls_server_spec){
	    .pairs = pairs, .npairs = 3 });
	struct ends e;

	(void)state;
	e = meet(tls, &(struct client){ .name = "gb.example",
	    .signatures = "rsa_pss_rsae_sha256" });
	shown_is(&e, "rsa", 0);
	part(&e);
	e = meet(tls, &(struct client){ .name = "twice.example",
	    .signatures = "ECDSA+SHA256" });
	shown_is(&e, "gb", 1);
	part(&e);
	tls_context_free(&tls);
}

static void
the_wrong_pair_is_named(void **state)
{
	struct tls_pair pairs[] = { pair("first"), pair("gb") };
	struct tls_server_spec spec = { .pairs = pairs, .npairs = 2 };
	struct err err;
	size_t fault = 99;

	(void)state;
	pairs[1].key = pairs[0].key;
	assert_null(tls_server_build(&spec, &fault, &err));
	assert_int_equal(fault, 1);
	pairs[0].certificate = "missing";
	assert_null(tls_server_build(&spec, &fault, &err));
	assert_int_equal(fault, 0);
	pairs[0] = pair("first");
	spec.ask = TLS_ASK;
	spec.client_ca = pairs[0].key;
	assert_null(tls_server_build(&spec, &fault, &err));
	assert_int_equal(fault, 2);
}

/* --- sessions -------------------------------------------------------------------------- */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* Whether a session begun at one is taken up again at the other. */
static bool
resumed(struct tls_context *one, const struct client *first,
    struct tls_context *other, const struct client *second)
{
	struct client again = *second;
	struct ends e = meet(one, first);
	bool is;

	assert_true(e.good);
	assert_false(SSL_session_reused(e.client));
	again.session = SSL_get1_session(e.client);
	part(&e);
	e = meet(other, &again);
	SSL_SESSION_free(again.session);
	is = e.good && SSL_session_reused(e.client);
	if (is && first->name != NULL)
		assert_string_equal(SSL_get_servername(e.server,
		    TLSEXT_NAMETYPE_host_name), first->name);
	part(&e);
	return is;
}

static const struct {
	const char	*first, *second;
	bool		 resumed;
} bound[] = {
	{ "gb.example", "gb.example", true },
	{ "a.wild.example", "a.wild.example", true },
	{ NULL, NULL, true },
	{ "gb.example", "first.example", false },
	/* One certificate is not one host. */
	{ "a.wild.example", "b.wild.example", false },
	{ "gb.example", NULL, false },
	{ NULL, "first.example", false },
};

static void
sessions_are_of_one_name(void **state)
{
	const struct tls_pair pairs[] = { pair("first"), pair("gb"),
	    pair("wild") };
	struct tls_tickets *tickets = tls_tickets_new(NULL, 0, 3600000);
	struct tls_context *tls = build(&(struct tls_server_spec){
	    .pairs = pairs, .npairs = 3, .tickets = tickets });

	(void)state;
	for (size_t i = 0; i < sizeof(bound) / sizeof(bound[0]) * 2; i++) {
		const int version = versions[i % 2];

		const struct client first = { .name = bound[i / 2].first,
		    .version = version };
		const struct client second = { .name = bound[i / 2].second,
		    .version = version };

		if (resumed(tls, &first, tls, &second) !=
		    bound[i / 2].resumed)
			fail_msg("row %zu", i / 2);
	}
	tls_tickets_free(&tickets);
	tls_context_free(&tls);
}

/* Of a context that asks in one way to one that asks in another; all know the
 * same keys, as a listener's do before and after a reload. */
static const struct {
	enum tls_ask	 first, second;
	const char	*first_ca, *second_ca;
	bool		 resumed;
} policies[] = {
	{ TLS_ASK_NOTHING, TLS_ASK_NOTHING, NULL, NULL, true },
	{ TLS_ASK, TLS_ASK, "ca.pem", "ca.pem", true },
	{ TLS_DEMAND, TLS_DEMAND, "ca.pem", "ca.pem", true },
	{ TLS_ASK_NOTHING, TLS_ASK, NULL, "ca.pem", false },
	{ TLS_ASK_NOTHING, TLS_DEMAND, NULL, "ca.pem", false },
	{ TLS_ASK, TLS_DEMAND, "ca.pem", "ca.pem", false },
	{ TLS_DEMAND, TLS_ASK, "ca.pem", "ca.pem", false },
	{ TLS_DEMAND, TLS_DEMAND, "ca.pem", "both.pem", false },
};

static struct tls_context *
asking(enum tls_ask ask, const char *authority, struct tls_tickets *tickets)
{
	const struct tls_pair one = pair("first");

	return build(&(struct tls_server_spec){ .pairs = &one, .npairs = 1,
	    .ask = ask, .client_ca = authority == NULL ? NULL :
	    certificate_path(authority), .tickets = tickets });
}

static void
sessions_are_of_one_policy(void **state)
{
	struct tls_tickets *tickets = tls_tickets_new(NULL, 0, 3600000);

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]) * 2; i++) {
		const struct client c = { .name = "first.example",
		    .version = versions[i % 2], .certificate = "client.pem",
		    .key = "client.key" };
		struct tls_context *one = asking(policies[i / 2].first,
		    policies[i / 2].first_ca, tickets);
		struct tls_context *other = asking(policies[i / 2].second,
		    policies[i / 2].second_ca, tickets);

		if (resumed(one, &c, other, &c) != policies[i / 2].resumed)
			fail_msg("row %zu", i / 2);
		tls_context_free(&one);
		tls_context_free(&other);
	}
	tls_tickets_free(&tickets);
}

static bool
same_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *one, *other;
	size_t len, other_len;

	SSL_SESSION_get0_ticket(a, &one, &len);
	SSL_SESSION_get0_ticket(b, &other, &other_len);
	return len == other_len && memcmp(one, other, len) == 0;
}

/* RFC 8446 C.4: each is used once, so that nobody sees who comes again. */
static void
who_comes_again_gets_a_new_ticket(void **state)
{
	struct tls_tickets *tickets = tls_tickets_new(NULL, 0, 3600000);
	struct tls_context *tls = asking(TLS_ASK_NOTHING, NULL, tickets);
	struct client c = { .name = "first.example",
	    .version = TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ends e = meet(tls, &c);
		SSL_SESSION *next = SSL_get1_session(e.client);

		assert_true(e.good);
		assert_int_equal(SSL_session_reused(e.client), i > 0);
		assert_true(SSL_SESSION_has_ticket(next));
		if (c.session != NULL)
			assert_false(same_ticket(c.session, next));
		part(&e);
		SSL_SESSION_free(c.session);
		c.session = next;
	}
	SSL_SESSION_free(c.session);
	tls_tickets_free(&tickets);
	tls_context_free(&tls);
}

static void
edges_with_the_same_keys_know_each_others_tickets(void **state)
{
	static const uint8_t secrets[3][TLS_TICKET_SECRET] = { "1", "2", "3" };
	struct tls_tickets *a = tls_tickets_new(secrets, 2, 3600000);
	struct tls_tickets *b = tls_tickets_new(secrets + 1, 2, 3600000);
	struct tls_tickets *none = NULL;
	struct tls_context *at_a = asking(TLS_ASK_NOTHING, NULL, a);
	struct tls_context *at_b = asking(TLS_ASK_NOTHING, NULL, b);
	struct tls_context *without = asking(TLS_ASK_NOTHING, NULL, none);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct client c = { .name = "first.example",
		    .version = versions[i] };

		/* b's first is a's second; a's first is unknown to b. */
		assert_true(resumed(at_b, &c, at_a, &c));
		assert_false(resumed(at_a, &c, at_b, &c));
		assert_false(resumed(without, &c, without, &c));
	}
	tls_tickets_free(&a);
	tls_tickets_free(&b);
	tls_context_free(&at_a);
	tls_context_free(&at_b);
	tls_context_free(&without);
}

/* --- clients' certificates --------------------------------------------------------------- */

static const struct {
	enum tls_ask	 ask;
	const char	*certificate, *key;
	bool		 good;
} shown[] = {
	{ TLS_ASK_NOTHING, NULL, NULL, true },
	{ TLS_ASK, NULL, NULL, true },
	{ TLS_ASK, "client.pem", "client.key", true },
	{ TLS_ASK, "stranger.pem", "stranger.key", false },
	{ TLS_DEMAND, NULL, NULL, false },
	{ TLS_DEMAND, "client.pem", "client.key", true },
	{ TLS_DEMAND, "stranger.pem", "stranger.key", false },
	{ TLS_DEMAND, "late.pem", "late.key", false },
};

static void
clients_show_what_is_demanded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct tls_context *tls = asking(shown[i].ask,
		    shown[i].ask == TLS_ASK_NOTHING ? NULL : "ca.pem", NULL);
		struct ends e = meet(tls, &(struct client){
		    .name = "first.example",
		    .certificate = shown[i].certificate, .key = shown[i].key });

		if (e.good != shown[i].good)
			fail_msg("row %zu", i);
		if (e.good && shown[i].ask != TLS_ASK_NOTHING)
			assert_int_equal(SSL_get0_peer_certificate(e.server) !=
			    NULL, shown[i].certificate != NULL);
		part(&e);
		tls_context_free(&tls);
	}
}

/* --- staples ------------------------------------------------------------------------------ */

static X509 *
load(const char *file)
{
	FILE *f = fopen(certificate_path(file), "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	assert_non_null(x);
	return x;
}

/* An answer of signer's about FILE's certificate, good for so many seconds. */
static void
answer(const char *to, const char *file, const struct authority *signer,
    int status, long seconds)
{
	X509 *x = load(file);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), x, ca.certificate);
	ASN1_TIME *from = X509_gmtime_adj(NULL, -1000);
	ASN1_TIME *next = seconds == 0 ? NULL : X509_gmtime_adj(NULL, seconds);
	OCSP_RESPONSE *response;
	FILE *out = fopen(certificate_path(to), "wb");
	unsigned char *bytes = NULL;
	int len;

	OCSP_basic_add1_status(basic, id, status, 0, status ==
	    V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, next);
	OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(),
	    NULL, 0);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	len = i2d_OCSP_RESPONSE(response, &bytes);
	assert_true(len > 0);
	assert_int_equal(fwrite(bytes, 1, (size_t)len, out), len);
	fclose(out);
	OPENSSL_free(bytes);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(next);
	X509_free(x);
}

static const struct {
	const char	*file, *says;	/* NULL: it is stapled */
} staples[] = {
	{ "good.ocsp", NULL },
	{ "missing.ocsp", "cannot be opened: No such file or directory" },
	{ "gb.key", "cannot be read as an OCSP response" },
	{ "other.ocsp", "is not about this certificate" },
	{ "forged.ocsp", "is not signed by the certificate's authority" },
	{ "revoked.ocsp", "it is revoked or unknown" },
	{ "old.ocsp", "is too old" },
	{ "endless.ocsp", "does not say when it will be old" },
};

static long
stapled(struct tls_context *tls, const char *name)
{
	struct ends e = meet(tls, &(struct client){ .name = name,
	    .status = true });
	const unsigned char *bytes;
	long len;

	assert_true(e.good);
	len = SSL_get_tlsext_status_ocsp_resp(e.client, &bytes);
	part(&e);
	return len;
}

static void
good_answers_are_stapled(void **state)
{
	const struct tls_pair pairs[] = { pair("first"), pair("chain") };
	struct tls_context *tls = build(&(struct tls_server_spec){
	    .pairs = pairs, .npairs = 2 });

	(void)state;
	for (size_t i = 0; i < sizeof(staples) / sizeof(staples[0]); i++) {
		struct err err = { "" };
		int64_t until = 0;
		bool good = tls_context_staple(tls, 1,
		    certificate_path(staples[i].file), &until, &err);

		if (good != (staples[i].says == NULL) ||
		    (!good && strstr(err.text, staples[i].says) == NULL))
			fail_msg("%s: %s", staples[i].file, err.text);
		if (good)
			assert_in_range(until, time(NULL) + 3500,
			    time(NULL) + 3600);
	}
	/* What came after it was worse, so it stays; and it is the one
	 * certificate's alone. */
	assert_true(stapled(tls, "chain.example") > 100);
	assert_int_equal(stapled(tls, "first.example"), -1);
	tls_extra_of(tls_ssl_ctx(tls))->certificates[1].staple_until = 1;
	assert_int_equal(stapled(tls, "chain.example"), -1);
	tls_context_free(&tls);
}

/* --- in order ------------------------------------------------------------------------------- */

static void
issue_rsa(const char *name, const char *names)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = certificate_new(key, name, 3600);
	char file[64];

	X509_set_issuer_name(x, X509_get_subject_name(ca.certificate));
	certificate_extend(x, NID_subject_alt_name, names);
	X509_sign(x, ca.key, EVP_sha256());
	snprintf(file, sizeof(file), "%s.pem", name);
	certificate_save(file, x, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	certificate_save(file, NULL, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* to: one file behind the other. */
static void
join(const char *to, const char *one, const char *other)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && cat %s %s > new && "
	    "mv new %s", certificates_dir, one, other, to);
	assert_int_equal(system(command), 0);
}

static void
make_staples(const struct authority *other)
{
	answer("good.ocsp", "chain.pem", &ca, V_OCSP_CERTSTATUS_GOOD, 3600);
	answer("other.ocsp", "gb.pem", &ca, V_OCSP_CERTSTATUS_GOOD, 3600);
	answer("forged.ocsp", "chain.pem", other, V_OCSP_CERTSTATUS_GOOD, 3600);
	answer("revoked.ocsp", "chain.pem", &ca, V_OCSP_CERTSTATUS_REVOKED,
	    3600);
	answer("old.ocsp", "chain.pem", &ca, V_OCSP_CERTSTATUS_GOOD, -10);
	answer("endless.ocsp", "chain.pem", &ca, V_OCSP_CERTSTATUS_GOOD, 0);
}

static int
prepare(void **state)
{
	struct authority other;

	(void)state;
	certificates_begin();
	ca = authority_new("ca");
	other = authority_new("other");
	certificate_issue(&ca, "first", "DNS:first.example", 3600);
	certificate_issue(&ca, "gb", "DNS:GB.example,DNS:twice.example", 3600);
	issue_rsa("rsa", "DNS:twice.example,DNS:gb.example");
	certificate_issue(&ca, "wild", "DNS:*.wild.example", 3600);
	certificate_issue(&ca, "exact",
	    "DNS:exact.wild.example,DNS:twice.example", 3600);
	certificate_issue(&ca, "client", "DNS:client", 3600);
	certificate_issue(&ca, "late", "DNS:client", -60);
	certificate_issue(&other, "stranger", "DNS:client", 3600);
	certificate_issue(&ca, "chain", "DNS:chain.example", 3600);
	join("both.pem", "ca.pem", "other.pem");
	make_staples(&other);
	join("chain.pem", "chain.pem", "ca.pem");
	authority_free(&other);
	return 0;
}

static int
clean_up(void **state)
{
	(void)state;
	authority_free(&ca);
	certificates_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_name_wins),
		cmocka_unit_test(keys_of_two_types_stand_side_by_side),
		cmocka_unit_test(the_wrong_pair_is_named),
		cmocka_unit_test(sessions_are_of_one_name),
		cmocka_unit_test(sessions_are_of_one_policy),
		cmocka_unit_test(who_comes_again_gets_a_new_ticket),
		cmocka_unit_test(edges_with_the_same_keys_know_each_others_tickets),
		cmocka_unit_test(clients_show_what_is_demanded),
		cmocka_unit_test(good_answers_are_stapled),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
