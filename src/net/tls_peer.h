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
	TLS_PEER_FIELD = 7680,		/* of the field; a line has 8 KiB */
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
	/* As the value of a Client-Cert field (RFC 9440 2.2); empty for one that
	 * would not fit into a line. */
	struct slice	 field;
};

/* NULL where no certificate was verified.  Lives as long as the stream's
 * connection. */
const struct tls_peer *stream_peer_certificate(const struct stream *s);

/* Whether one of the names is exactly this. */
bool tls_peer_is(const struct tls_peer *peer, const char *name);

/* Whether text is a name as above, with something after the colon. */
bool tls_peer_is_name(struct slice text);

#endif
