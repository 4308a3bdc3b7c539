/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/must.h"

#define REGION_PREFIX "portolan:region:"

/* --- errors that people read --------------------------------------------- */

/* The oldest of OpenSSL's reasons tells most; later ones only wrap it. */
static const char *
ssl_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	ERR_clear_error();
	return reason == NULL ? "unknown reason" : reason;
}

/* --- files into a context ------------------------------------------------ */

static bool
use_certificate(SSL_CTX *ctx, const char *path, struct err *err)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, path) == 1)
		return true;
	return err_set(err, "%s: cannot be read as a PEM certificate: %s; give "
	    "a file that holds the certificate and after it those that lead to "
	    "its authority", path, ssl_reason());
}

/* A key behind a passphrase would make OpenSSL ask on the terminal. */
static int
no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool
is_mismatch(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_X509 &&
	    (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

static bool
key_mismatch(const char *path, const char *certificate, struct err *err)
{
	ERR_clear_error();
	return err_set(err, "%s: this key does not belong to the certificate in "
	    "%s; give the two that were made together", path, certificate);
}

static bool
use_key(SSL_CTX *ctx, const char *path, const char *certificate,
    struct err *err)
{
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1) {
		if (is_mismatch(ERR_peek_error()))
			return key_mismatch(path, certificate, err);
		return err_set(err, "%s: cannot be read as a PEM private key: "
		    "%s; give a file that holds the key without a passphrase",
		    path, ssl_reason());
	}
	if (SSL_CTX_check_private_key(ctx) != 1)
		return key_mismatch(path, certificate, err);
	return true;
}

/* Whoever connects is told to show a certificate of ca, and must. */
static bool
use_authority(SSL_CTX *ctx, const char *path, struct err *err)
{
	STACK_OF(X509_NAME) *names;

	ERR_clear_error();
	names = SSL_load_client_CA_file(path);
	if (names == NULL || SSL_CTX_load_verify_file(ctx, path) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return err_set(err, "%s: cannot be read as PEM certificates of "
		    "authorities: %s; give a file that holds the authority of "
		    "the inter-region link", path, ssl_reason());
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return true;
}

/* --- contexts ------------------------------------------------------------ */

static int extra_index;
static pthread_once_t extra_once = PTHREAD_ONCE_INIT;

static void
free_extra(void *parent, void *extra, CRYPTO_EX_DATA *data, int index,
    long number, void *arg)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)number;
	(void)arg;
	free(extra);
}

static void
make_index(void)
{
	extra_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
	    free_extra);
	must(extra_index >= 0);
}

static struct tls_extra *
extra_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ex_data(ctx, extra_index);
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

void
tls_context_offer(struct tls_context *tls, const char *const *protocols,
    size_t count)
{
	SSL_CTX *ctx = tls_ssl_ctx(tls);
	struct tls_extra *extra = extra_of(ctx);
	unsigned at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(protocols[i]);

		must(len > 0 && at + 1 + len <= sizeof(extra->protocols));
		extra->protocols[at] = (unsigned char)len;
		memcpy(extra->protocols + at + 1, protocols[i], len);
		at += 1 + (unsigned)len;
	}
	extra->protocols_len = at;
	/* The one is for servers, the other for clients. */
	SSL_CTX_set_alpn_select_cb(ctx, at > 0 ? choose_protocol : NULL,
	    extra);
	must(SSL_CTX_set_alpn_protos(ctx, extra->protocols, at) == 0);
}

static SSL_CTX *
context_new(const SSL_METHOD *method)
{
	char groups[] = "X25519:P-256:P-384";
	SSL_CTX *ctx = SSL_CTX_new(method);

	must(ctx != NULL);
	pthread_once(&extra_once, make_index);
	must(SSL_CTX_set_ex_data(ctx, extra_index,
	    xcalloc(1, sizeof(struct tls_extra))) == 1);
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

static struct tls_context *
finished(SSL_CTX *ctx, bool good)
{
	if (good)
		return (struct tls_context *)ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls_context *
tls_server_new(const char *certificate, const char *key, struct err *err)
{
	const char *http = "http/1.1";
	SSL_CTX *ctx = context_new(TLS_server_method());

	SSL_CTX_set_num_tickets(ctx, 1);
	tls_context_offer((struct tls_context *)ctx, &http, 1);
	return finished(ctx, use_certificate(ctx, certificate, err) &&
	    use_key(ctx, key, certificate, err));
}

/* No tickets on the link: its connections are few and stay, and so each one
 * has had its certificate verified. */
static struct tls_context *
link_new(const SSL_METHOD *method, const char *certificate, const char *key,
    const char *ca, struct err *err)
{
	SSL_CTX *ctx = context_new(method);

	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	return finished(ctx, use_certificate(ctx, certificate, err) &&
	    use_key(ctx, key, certificate, err) &&
	    use_authority(ctx, ca, err));
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

/* --- what certificates say ----------------------------------------------- */

int64_t
tls_context_expiry(const struct tls_context *tls)
{
	const X509 *x = SSL_CTX_get0_certificate(tls_ssl_ctx(tls));
	struct tm tm;

	if (x == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

/* "portolan:region:GB" */
static bool
region_of_name(const GENERAL_NAME *name, char id[STREAM_REGION_MAX])
{
	const size_t prefix = strlen(REGION_PREFIX);
	const ASN1_IA5STRING *uri;
	struct slice text;

	if (name->type != GEN_URI)
		return false;
	uri = name->d.uniformResourceIdentifier;
	text = (struct slice){ (const char *)ASN1_STRING_get0_data(uri),
	    (size_t)ASN1_STRING_length(uri) };
	if (!slice_starts_nocase(text, SLICE(REGION_PREFIX)) ||
	    text.len == prefix || text.len - prefix >= STREAM_REGION_MAX ||
	    memchr(text.p, '\0', text.len) != NULL)
		return false;
	memcpy(id, text.p + prefix, text.len - prefix);
	id[text.len - prefix] = '\0';
	return true;
}

/* A certificate for two regions would let one pass for the other. */
bool
tls_certificate_region(const X509 *certificate, char id[STREAM_REGION_MAX])
{
	char other[STREAM_REGION_MAX];
	GENERAL_NAMES *names;
	int found = 0;

	if (certificate == NULL)
		return false;
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (region_of_name(sk_GENERAL_NAME_value(names, i),
		    found == 0 ? id : other))
			found++;
	GENERAL_NAMES_free(names);
	return found == 1;
}

bool
tls_context_is_region(const struct tls_context *tls, const char *region)
{
	char id[STREAM_REGION_MAX];

	return tls_certificate_region(SSL_CTX_get0_certificate(
	    tls_ssl_ctx(tls)), id) && strcmp(id, region) == 0;
}
