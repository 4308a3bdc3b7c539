/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/tls_private.h"

#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hmac.h"
#include "base/must.h"

/* --- contexts ------------------------------------------------------------ */

static int extra_index;
static pthread_once_t extra_once = PTHREAD_ONCE_INIT;

/* With the first SSL_CTX, which nobody has any more. */
static void
free_extra(void *parent, void *data, CRYPTO_EX_DATA *all, int index,
    long number, void *arg)
{
	struct tls_extra *extra = data;

	(void)parent;
	(void)all;
	(void)index;
	(void)number;
	(void)arg;
	if (extra == NULL)
		return;			/* of another certificate's */
	for (size_t i = 0; i < extra->count; i++) {
		OPENSSL_free(extra->certificates[i].staple);
		if (extra->certificates[i].ctx != extra->certificates[0].ctx)
			SSL_CTX_free(extra->certificates[i].ctx);
	}
	tls_tickets_free(&extra->tickets);
	arena_free(&extra->arena);
	free(extra);
}

static void
make_index(void)
{
	extra_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
	    free_extra);
	must(extra_index >= 0);
}

/* It belongs to the first SSL_CTX; the others only know it. */
struct tls_extra *
tls_extra_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_app_data(ctx);
}

static struct tls_extra *
extra_new(SSL_CTX *first, size_t ncertificates)
{
	struct tls_extra *extra = xcalloc(1, sizeof(*extra));

	pthread_once(&extra_once, make_index);
	extra->arena = arena_new(1024);
	extra->certificates = arena_array(extra->arena, ncertificates,
	    sizeof(*extra->certificates));
	must(SSL_CTX_set_ex_data(first, extra_index, extra) == 1);
	must(SSL_CTX_set_app_data(first, extra) == 1);
	return extra;
}

/* What we speak above TLS; a peer that offers only others is refused
 * (RFC 7301 3.2), one that offers nothing is taken to mean the usual. */
static int
choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *len,
    const unsigned char *offered, unsigned int offered_len, void *arg)
{
	const struct tls_extra *extra = arg;
	unsigned char *found;

	(void)ssl;
	if (SSL_select_next_proto(&found, len, extra->protocols,
	    extra->protocols_len, offered, offered_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

/* The one is for servers, the other for clients. */
static void
offer(SSL_CTX *ctx, struct tls_extra *extra)
{
	SSL_CTX_set_alpn_select_cb(ctx, extra->protocols_len > 0 ?
	    choose_protocol : NULL, extra);
	must(SSL_CTX_set_alpn_protos(ctx, extra->protocols,
	    extra->protocols_len) == 0);
}

void
tls_context_offer(struct tls_context *tls, const char *const *protocols,
    size_t count)
{
	struct tls_extra *extra = tls_extra_of(tls_ssl_ctx(tls));
	unsigned at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(protocols[i]);

		must(len > 0 && at + 1 + len <= sizeof(extra->protocols));
		extra->protocols[at] = (unsigned char)len;
		memcpy(extra->protocols + at + 1, protocols[i], len);
		at += 1 + (unsigned)len;
	}
	extra->protocols_len = at;
	offer(tls_ssl_ctx(tls), extra);
	for (size_t i = 0; i < extra->count; i++)
		offer(extra->certificates[i].ctx, extra);
}

static SSL_CTX *
context_new(const SSL_METHOD *method)
{
	char groups[] = "X25519:P-256:P-384";
	SSL_CTX *ctx = SSL_CTX_new(method);

	must(ctx != NULL);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets instead of a cache: nothing to share between threads. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* One recv for header and body of a record. */
	SSL_CTX_set_read_ahead(ctx, 1);
	/* X25519 first: what clients offer first; P-256 alone would cost them
	 * another round trip. */
	must(SSL_CTX_set1_groups_list(ctx, groups) == 1);
	/* TLS 1.2: forward secret and authenticated only. */
	must(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
	return ctx;
}

/* --- for clients --------------------------------------------------------- */

/* A key of another type for the very names of an earlier one stands beside
 * it: then OpenSSL takes what the client prefers. */
static SSL_CTX *
twin_of(const struct tls_extra *extra, const struct tls_certificate *c)
{
	int type = EVP_PKEY_get_base_id(X509_get0_pubkey(c->x));

	for (size_t i = 0; i < extra->count; i++) {
		const struct tls_certificate *other = &extra->certificates[i];

		if (tls_names_same(&other->info, &c->info) &&
		    EVP_PKEY_get_base_id(X509_get0_pubkey(other->x)) != type)
			return other->ctx;
	}
	return NULL;
}

static bool
load_pair(SSL_CTX *ctx, const struct tls_pair *pair, struct err *err)
{
	return tls_use_certificate(ctx, pair->certificate, err) &&
	    tls_use_key(ctx, pair->key, pair->certificate, err);
}

/* What every SSL_CTX of a server is like, whatever its certificate. */
static bool
make_server(SSL_CTX *ctx, const struct tls_extra *extra,
    const struct tls_server_spec *spec, struct err *err)
{
	bool tickets = extra->tickets != NULL;
	uint64_t life_s = tickets ?
	    tls_tickets_life_ms(extra->tickets) / 1000 : 0;

	must(SSL_CTX_set_app_data(ctx, (void *)(uintptr_t)extra) == 1);
	if (!tickets)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, tickets ? 1 : 0);
	SSL_CTX_set_timeout(ctx, life_s > 0 ? (long)life_s : 1);
	/* What is sent before the handshake is over can be sent again by
	 * anybody (RFC 8470). */
	SSL_CTX_set_max_early_data(ctx, 0);
	tls_server_callbacks(ctx);
	return spec->ask == TLS_ASK_NOTHING || tls_use_authority(ctx,
	    spec->client_ca, spec->ask == TLS_DEMAND, err);
}

/* A certificate that stands in an SSL_CTX is known of. */
static void
note_certificate(struct tls_extra *extra, SSL_CTX *ctx)
{
	struct tls_certificate *c = &extra->certificates[extra->count];

	*c = (struct tls_certificate){ .ctx = ctx,
	    .x = SSL_CTX_get0_certificate(ctx) };
	tls_names_read(extra->arena, c);
}

/* The next certificate into ctx, which becomes extra's, or into the one that
 * it is a twin of. */
static bool
add_certificate(struct tls_extra *extra, SSL_CTX *ctx,
    const struct tls_pair *pair, struct err *err)
{
	SSL_CTX *twin;

	if (!load_pair(ctx, pair, err))
		return false;
	note_certificate(extra, ctx);
	twin = twin_of(extra, &extra->certificates[extra->count]);
	if (twin != NULL) {
		if (!load_pair(twin, pair, err))
			return false;
		note_certificate(extra, twin);
		SSL_CTX_free(ctx);
		/* The first holds the others, and nobody the first. */
		if (twin != extra->certificates[0].ctx)
			must(SSL_CTX_up_ref(twin) == 1);
	}
	extra->count++;
	return true;
}

static bool
add_pairs(struct tls_extra *extra, SSL_CTX *first,
    const struct tls_server_spec *spec, size_t *fault, struct err *err)
{
	for (size_t i = 0; i < spec->npairs; i++) {
		SSL_CTX *ctx = i == 0 ? first :
		    context_new(TLS_server_method());
		bool made = make_server(ctx, extra, spec, err);

		*fault = made ? i : spec->npairs;
		if (!made || !add_certificate(extra, ctx, &spec->pairs[i],
		    err)) {
			if (i > 0)
				SSL_CTX_free(ctx);
			return false;
		}
	}
	return true;
}

/* Whom a session trusts: how much is demanded of clients, and by whom their
 * certificates have to be signed. */
static void
digest_policy(struct tls_extra *extra, const SSL_CTX *ctx, enum tls_ask ask)
{
	STACK_OF(X509) *all = ask == TLS_ASK_NOTHING ? NULL :
	    X509_STORE_get1_all_certs(SSL_CTX_get_cert_store(ctx));
	const char asked = (char)ask;
	uint8_t sum[EVP_MAX_MD_SIZE] = { 0 }, one[EVP_MAX_MD_SIZE];
	unsigned len;

	/* In whichever order the file has them. */
	for (int i = 0; i < sk_X509_num(all); i++) {
		must(X509_digest(sk_X509_value(all, i), EVP_sha256(), one,
		    &len) == 1);
		for (unsigned k = 0; k < len; k++)
			sum[k] ^= one[k];
	}
	sk_X509_pop_free(all, X509_free);
	hmac_sha256((struct slice){ (const char *)sum, HMAC_BYTES },
	    (struct slice){ &asked, 1 }, extra->policy);
}

static struct tls_context *
finished(SSL_CTX *ctx, bool good)
{
	if (good)
		return (struct tls_context *)ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls_context *
tls_server_build(const struct tls_server_spec *spec, size_t *fault,
    struct err *err)
{
	const char *http = "http/1.1";
	SSL_CTX *first = context_new(TLS_server_method());
	struct tls_extra *extra = extra_new(first, spec->npairs);

	extra->tickets = tls_tickets_ref(spec->tickets);
	if (!add_pairs(extra, first, spec, fault, err))
		return finished(first, false);
	tls_names_index(extra);
	digest_policy(extra, first, spec->ask);
	tls_context_offer((struct tls_context *)first, &http, 1);
	return finished(first, true);
}

/* --- for links ------------------------------------------------------------ */

/* No tickets on the link: its connections are few and stay, and so each one
 * has had its certificate verified. */
static struct tls_context *
link_new(const SSL_METHOD *method, const char *certificate, const char *key,
    const char *ca, struct err *err)
{
	const struct tls_pair pair = { certificate, key };
	SSL_CTX *ctx = context_new(method);
	struct tls_extra *extra = extra_new(ctx, 1);

	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	return finished(ctx, add_certificate(extra, ctx, &pair, err) &&
	    tls_use_authority(ctx, ca, true, err));
}

struct tls_context *
tls_link_server_new(const char *certificate, const char *key, const char *ca,
    struct err *err)
{
	return link_new(TLS_server_method(), certificate, key, ca, err);
}

struct tls_context *
tls_link_client_new(const char *certificate, const char *key, const char *ca,
    struct err *err)
{
	return link_new(TLS_client_method(), certificate, key, ca, err);
}

void
tls_context_expect(struct tls_context *tls, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls_ssl_ctx(tls));

	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	must(X509_VERIFY_PARAM_set1_host(param, name, 0) == 1);
}

struct tls_context *
tls_context_ref(struct tls_context *tls)
{
	if (tls != NULL)
		must(SSL_CTX_up_ref(tls_ssl_ctx(tls)) == 1);
	return tls;
}

struct tls_context *
tls_context_hold(struct tls_context *tls)
{
	must(SSL_CTX_up_ref(tls_ssl_ctx(tls)) == 1);
	return tls;
}

void
tls_context_free(struct tls_context **tls)
{
	if (*tls != NULL)
		SSL_CTX_free(tls_ssl_ctx(*tls));
	*tls = NULL;
}

/* --- what is known of certificates ---------------------------------------- */

size_t
tls_context_count(const struct tls_context *tls)
{
	return tls_extra_of(tls_ssl_ctx(tls))->count;
}

const struct tls_certificate_info *
tls_context_certificate(const struct tls_context *tls, size_t i)
{
	const struct tls_extra *extra = tls_extra_of(tls_ssl_ctx(tls));

	must(i < extra->count);
	return &extra->certificates[i].info;
}

int64_t
tls_context_expiry(const struct tls_context *tls)
{
	return tls_context_certificate(tls, 0)->expiry;
}
