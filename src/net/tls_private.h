/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A tls_context is an SSL_CTX; only this folder knows.  What is ours about it
 * hangs on it and ends with it: the connections hold the SSL_CTX, so it is
 * there for all of OpenSSL's callbacks, whatever a reload frees meanwhile.
 *
 * A context with several certificates has an SSL_CTX for each, made in the
 * same way, and a handshake goes over to that of its name.  It keeps the first
 * as well, so all that hangs on it.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "net/stream.h"
#include "net/tls_tickets.h"

struct tls_certificate {
	SSL_CTX		*ctx;		/* held, but for the first's; several
					   may share one (keys of two types) */
	X509		*x;		/* of ctx */
	struct tls_certificate_info info;
	/* The OCSP response that is stapled, until (unix time); or NULL. */
	unsigned char	*staple;
	size_t		 staple_len;
	int64_t		 staple_until;
	atomic_bool	 staple_missed;	/* any thread has told that it is old */
};

struct tls_name {
	const char	*name;		/* or of a wildcard what follows "*." */
	bool		 wildcard;
	SSL_CTX		*ctx;
};

struct tls_extra {
	unsigned char	 protocols[TLS_PROTOCOLS_MAX];	/* as ALPN has them */
	unsigned	 protocols_len;
	struct arena	*arena;		/* names */
	struct tls_certificate *certificates;
	size_t		 count;
	struct tls_name	*names;		/* sorted */
	size_t		 nnames;
	struct tls_tickets *tickets;	/* NULL: none are given out */
	/* What a session must have been begun under to be taken up again: who
	 * has to show which certificate. */
	uint8_t		 policy[32];
};

static inline SSL_CTX *
tls_ssl_ctx(const struct tls_context *tls)
{
	/* No const in OpenSSL's getters before 4.0. */
	return (SSL_CTX *)(uintptr_t)tls;
}

/* tls.c: of any SSL_CTX of ours. */
struct tls_extra *tls_extra_of(const SSL_CTX *ctx);

/* tls_files.c: the oldest of OpenSSL's reasons, for err; clears them all. */
const char *tls_reason(void);
/* The certificate, and behind it in the file its chain. */
bool tls_use_certificate(SSL_CTX *ctx, const char *path, struct err *err);
/* Of that certificate, which has been read before. */
bool tls_use_key(SSL_CTX *ctx, const char *path, const char *certificate,
    struct err *err);
/* Whoever connects is asked for a certificate of the authorities; demand: and
 * turned away without one. */
bool tls_use_authority(SSL_CTX *ctx, const char *path, bool demand,
    struct err *err);

/* The region that a certificate names; false for none, several or NULL. */
bool tls_certificate_region(const X509 *certificate,
    char id[STREAM_REGION_MAX]);

/* tls_names.c: fills info of c->x. */
void tls_names_read(struct arena *arena, struct tls_certificate *c);
/* Whether both name the same, so that a client's offer may choose. */
bool tls_names_same(const struct tls_certificate_info *a,
    const struct tls_certificate_info *b);
/* All names of all certificates into extra->names. */
void tls_names_index(struct tls_extra *extra);
/* Whose name it is (lower case), or NULL. */
SSL_CTX *tls_names_find(const struct tls_extra *extra, struct slice host);

/* tls_server.c: what a server does about names, tickets and staples. */
void tls_server_callbacks(SSL_CTX *ctx);

#endif
