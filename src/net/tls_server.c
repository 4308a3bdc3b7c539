/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What OpenSSL asks a server within a handshake: which certificate, under
 * which key a ticket, whether a session may be taken up again, what is
 * stapled.  All of it in the thread of the connection.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <time.h>

#include "base/clock.h"
#include "base/hmac.h"
#include "base/log.h"
#include "base/must.h"
#include "net/client_hello.h"
#include "net/tls_private.h"

static struct tls_extra *
extra_of(SSL *ssl)
{
	return tls_extra_of(SSL_get_SSL_CTX(ssl));
}

/* --- whose certificate, whose session ------------------------------------------------ */

/*
 * A session is of one name and one policy: a ticket of another host, or of a
 * listener that demands another client's certificate or none, is refused as if
 * it had expired (nginx's CVE-2025-23419).
 */
static void
bind_session(SSL *ssl, const struct tls_extra *extra, struct slice name)
{
	uint8_t id[HMAC_BYTES];

	hmac_sha256((struct slice){ (const char *)extra->policy,
	    sizeof(extra->policy) }, name, id);
	must(SSL_set_session_id_context(ssl, id, sizeof(id)) == 1);
}

/* Before anything else is made of the hello, tickets above all. */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_extra *extra = extra_of(ssl);
	char text[CLIENT_HELLO_NAME];
	const unsigned char *data;
	struct slice name = { text, 0 };
	SSL_CTX *ctx;
	size_t len;

	(void)arg;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data,
	    &len) == 1) {
		name.len = client_hello_server_name((struct slice){
		    (const char *)data, len }, text);
		if (name.len == 0) {
			*alert = SSL_AD_DECODE_ERROR;
			return SSL_CLIENT_HELLO_ERROR;
		}
	}
	ctx = tls_names_find(extra, name);
	if (ctx != NULL && ctx != SSL_get_SSL_CTX(ssl))
		must(SSL_set_SSL_CTX(ssl, ctx) != NULL);
	bind_session(ssl, extra, name);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* The name is taken as it is; only so does a session of TLS 1.2 carry it. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/* --- tickets ------------------------------------------------------------------------- */

static bool
set_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac,
		    sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int
make_ticket(struct tls_tickets *tickets, unsigned char *name,
    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tls_ticket_key key;
	bool good;

	tls_tickets_first(tickets, clock_ms(), &key);
	memcpy(name, key.name, sizeof(key.name));
	good = RAND_bytes(iv, 16) == 1 && EVP_EncryptInit_ex(cipher,
	    EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1 &&
	    set_mac(mac, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	return good ? 1 : -1;
}

/* 0: no ticket of ours; 2: good, but a new one is due.  In TLS 1.3 one always
 * is: clients use a ticket once (RFC 8446 C.4), so without it every second
 * connection would be a full handshake. */
static int
open_ticket(const SSL *ssl, struct tls_tickets *tickets,
    const unsigned char *name, const unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tls_ticket_key key;
	enum ticket_found found = tls_tickets_find(tickets, clock_ms(), name,
	    &key);
	bool good;

	if (found == TICKET_UNKNOWN)
		return 0;
	good = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher,
	    iv) == 1 && set_mac(mac, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!good)
		return -1;
	return found == TICKET_FIRST && SSL_version(ssl) < TLS1_3_VERSION ?
	    1 : 2;
}

static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char iv[EVP_MAX_IV_LENGTH],
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct tls_tickets *tickets = extra_of(ssl)->tickets;

	return encrypt ? make_ticket(tickets, name, iv, cipher, mac) :
	    open_ticket(ssl, tickets, name, iv, cipher, mac);
}

/* --- staples ------------------------------------------------------------------------- */

/* Once for each that grows old in service. */
static bool
is_fresh(struct tls_certificate *c)
{
	if (c->staple_until > (int64_t)(clock_unix_ms() / 1000))
		return true;
	if (!atomic_exchange(&c->staple_missed, true))
		log_warn("the OCSP response about the certificate of %s is too "
		    "old to be stapled; fetch a new one and reload",
		    c->info.nnames > 0 ? c->info.names[0] : c->info.subject);
	return false;
}

static int
on_status(SSL *ssl, void *arg)
{
	struct tls_extra *extra = extra_of(ssl);
	const X509 *x = SSL_get_certificate(ssl);
	unsigned char *copy;

	(void)arg;
	for (size_t i = 0; i < extra->count; i++) {
		struct tls_certificate *c = &extra->certificates[i];

		if (c->x != x || c->staple == NULL || !is_fresh(c))
			continue;
		copy = OPENSSL_memdup(c->staple, c->staple_len);
		if (copy == NULL)
			break;
		SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)c->staple_len);
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

void
tls_server_callbacks(SSL_CTX *ctx)
{
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
}
