/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A tls_context is an SSL_CTX; only this folder knows.  What is ours about it
 * hangs on it and ends with it: the connections hold the SSL_CTX, so it is
 * there for all of OpenSSL's callbacks, whatever a reload frees meanwhile.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "net/stream.h"

struct tls_extra {
	unsigned char	 protocols[TLS_PROTOCOLS_MAX];	/* as ALPN has them */
	unsigned	 protocols_len;
};

static inline SSL_CTX *
tls_ssl_ctx(const struct tls_context *tls)
{
	/* No const in OpenSSL's getters before 4.0. */
	return (SSL_CTX *)(uintptr_t)tls;
}

/* The region that a certificate names; false for none, several or NULL. */
bool tls_certificate_region(const X509 *certificate,
    char id[STREAM_REGION_MAX]);

#endif
