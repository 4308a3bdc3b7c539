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
#include "base/slice.h"

struct tls_context;

/* PEM files. */
struct tls_pair {
	const char	*certificate;	/* and after it those that lead to its
					   authority */
	const char	*key;		/* without a passphrase */
};

enum tls_ask {
	TLS_ASK_NOTHING,		/* clients show no certificate */
	TLS_ASK,			/* one that is shown must be good */
	TLS_DEMAND,			/* one must be shown */
};

struct tls_tickets;

/*
 * A place where clients come in.  Each finds the certificate that names the
 * host it asks for: as it is written, or by a wildcard for one label; else the
 * first.  Of two certificates with the same name the first is taken, unless
 * their keys are of different types: then the client's offer decides.
 */
struct tls_server_spec {
	const struct tls_pair *pairs;
	size_t		 npairs;	/* from 1 */
	enum tls_ask	 ask;
	const char	*client_ca;	/* PEM file; of TLS_ASK and TLS_DEMAND */
	struct tls_tickets *tickets;	/* held by the context as well */
};

/* *fault is the pair that is wrong, or npairs if client_ca is. */
struct tls_context *tls_server_build(const struct tls_server_spec *spec,
    size_t *fault, struct err *err);

/* Both ends of the inter-region link: the peer must show a certificate that
 * chains to ca; whose it is, stream_peer_region() tells. */
struct tls_context *tls_link_server_new(const char *certificate,
    const char *key, const char *ca, struct err *err);
struct tls_context *tls_link_client_new(const char *certificate,
    const char *key, const char *ca, struct err *err);

/* Whom a client of this context connects to has to prove this name (lower
 * case), and is asked for it (SNI).  Before the first use. */
void tls_context_expect(struct tls_context *tls, const char *name);

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

/* What is known of each certificate, in the order of the pairs (a link has
 * one).  Strings live as long as the context. */
struct tls_certificate_info {
	const char	*const *names;	/* lower case, wildcards as "*.a.b" */
	size_t		 nnames;
	const char	*subject;	/* its common name; "" without one */
	int64_t		 begin, expiry;	/* of validity, seconds since 1970 */
};
size_t tls_context_count(const struct tls_context *tls);
const struct tls_certificate_info *tls_context_certificate(
    const struct tls_context *tls, size_t i);

/* Whether a certificate names the host (lower case). */
bool tls_context_serves(const struct tls_context *tls, struct slice host);

/* End of validity of the first certificate, seconds since 1970. */
int64_t tls_context_expiry(const struct tls_context *tls);

/*
 * Staples the OCSP response in a DER file to certificate i, in place of what
 * was there.  It must be about that certificate, say that it is good, be
 * signed by its authority (where the certificate's file holds that) and be
 * fresh; *until receives when it ceases to be, and is not sent any more.
 */
bool tls_context_staple(struct tls_context *tls, size_t i, const char *path,
    int64_t *until, struct err *err);

/* Whether the certificate names this region (SAN, see stream.h). */
bool tls_context_is_region(const struct tls_context *tls, const char *region);

#endif
