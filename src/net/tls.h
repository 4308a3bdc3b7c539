/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * TLS contexts: certificates and keys read from PEM files, TLS 1.2 and 1.3.
 * The only home of OpenSSL's TLS besides stream.c.  A context is counted by
 * its users (OpenSSL's own reference count) and may be shared by threads.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tls_context;

/* Facing clients, who show no certificate. */
struct tls_context *tls_server_new(const char *certificate, const char *key,
    struct err *err);

/* Both ends of the inter-region link: the peer must show a certificate that
 * chains to ca; whose it is, stream_peer_region() tells. */
struct tls_context *tls_link_server_new(const char *certificate,
    const char *key, const char *ca, struct err *err);
struct tls_context *tls_link_client_new(const char *certificate,
    const char *key, const char *ca, struct err *err);

/*
 * The protocols above TLS (ALPN), the preferred first, in place of what was
 * offered before: "http/1.1" facing clients, nothing on the link.  A peer that
 * offers none of them is refused (RFC 7301 3.2), one that offers nothing at
 * all is not; stream_alpn() tells what was agreed.  Before the first use.
 */
enum { TLS_PROTOCOLS_MAX = 64 };	/* bytes, with one more for each */
void tls_context_offer(struct tls_context *tls, const char *const *protocols,
    size_t count);

/* One more user of it (any thread); each gives it back with _free. */
struct tls_context *tls_context_hold(struct tls_context *tls);
/* One more user; returns tls (NULL stays NULL). */
struct tls_context *tls_context_ref(struct tls_context *tls);
void tls_context_free(struct tls_context **tls);

/* End of validity of the certificate, seconds since 1970. */
int64_t tls_context_expiry(const struct tls_context *tls);

/* Whether the certificate names this region (SAN, see stream.h). */
bool tls_context_is_region(const struct tls_context *tls, const char *region);

#endif
