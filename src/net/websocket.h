/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The opening handshake of a WebSocket (RFC 6455 4), for whoever asks for one
 * in the name of a client that speaks HTTP/2 and so has no key of its own.
 */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include <stdbool.h>

#include "base/slice.h"

enum { WEBSOCKET_KEY_LEN = 24 };

/* A new Sec-WebSocket-Key with a NUL behind it. */
void websocket_key(char key[WEBSOCKET_KEY_LEN + 1]);

/* Whether this Sec-WebSocket-Accept answers that key. */
bool websocket_accepts(const char *key, struct slice accept);

#endif
