/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a TLS client says before anything is encrypted: the name of the host
 * that it wants (RFC 8446 4.1.2, RFC 6066 3).  Pure: bytes in, facts out.  It
 * is read where the bytes may have to go elsewhere undecrypted, so whatever
 * OpenSSL might read in another way is refused.
 */
#ifndef NET_CLIENT_HELLO_H
#define NET_CLIENT_HELLO_H

#include "base/slice.h"

enum {
	CLIENT_HELLO_MAX = 16 * 1024,	/* of the message */
	CLIENT_HELLO_RECORDS = 64,	/* that it may come in */
	/* All that may have to be looked at. */
	CLIENT_HELLO_BYTES = CLIENT_HELLO_MAX + 5 * CLIENT_HELLO_RECORDS,
	CLIENT_HELLO_NAME = 256,
};

struct client_hello {
	char		 name[CLIENT_HELLO_NAME];	/* lower case; "": none */
	size_t		 name_len;
};

enum hello_end { HELLO_MORE, HELLO_DONE, HELLO_REFUSED };

/*
 * bytes begin with the first record.  MORE: they are a part of a hello and
 * fewer than CLIENT_HELLO_BYTES; come back with more behind them.  REFUSED:
 * *reason ends a sentence ("the ClientHello ...").
 */
enum hello_end client_hello_read(struct client_hello *hello,
    struct slice bytes, const char **reason);

/*
 * The name in the data of a server_name extension, lower case, into name;
 * returns its length, 0 if it is not as it must be.
 */
size_t client_hello_server_name(struct slice data,
    char name[CLIENT_HELLO_NAME]);

#endif
