/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who stands at the other end of a TLS connection, by the certificate that it
 * showed.  Read once a connection, when somebody first asks.
 */
#ifndef NET_TLS_PEER_H
#define NET_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct stream;

enum {
	TLS_PEER_NAMES = 16,		/* more of one certificate are not told */
	TLS_PEER_TEXT = 1024,		/* bytes of a name or subject */
};

/* Texts are printable ASCII and UTF-8; a name that is not, or longer, is left
 * out: who could be mistaken for another is nobody. */
struct tls_peer {
	const char	*subject;	/* RFC 2253; "" without one */
	/* "URI:...", "DNS:..." (lower case), "EMAIL:...", or "CN:..." where
	 * the certificate has no alternative names at all. */
	const char	*const *names;
	size_t		 nnames;
	char		 fingerprint[65];	/* SHA-256, hexadecimal */
	struct slice	 der;		/* the certificate */
};

/* NULL where no certificate was verified.  Lives as long as the stream's
 * connection. */
const struct tls_peer *stream_peer_certificate(const struct stream *s);

/* Whether one of the names is exactly this. */
bool tls_peer_is(const struct tls_peer *peer, const char *name);

/* Whether text is a name as above, with something after the colon. */
bool tls_peer_is_name(struct slice text);

#endif
