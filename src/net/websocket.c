/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/websocket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/must.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void
websocket_key(char key[WEBSOCKET_KEY_LEN + 1])
{
	unsigned char nonce[16];

	must(RAND_bytes(nonce, sizeof(nonce)) == 1);
	must(EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce)) ==
	    WEBSOCKET_KEY_LEN);
}

bool
websocket_accepts(const char *key, struct slice accept)
{
	char text[WEBSOCKET_KEY_LEN + sizeof(GUID)];
	unsigned char digest[EVP_MAX_MD_SIZE], expected[64];
	unsigned len;
	int n;

	must(strlen(key) == WEBSOCKET_KEY_LEN);
	memcpy(text, key, WEBSOCKET_KEY_LEN);
	memcpy(text + WEBSOCKET_KEY_LEN, GUID, sizeof(GUID));
	must(EVP_Digest(text, sizeof(text) - 1, digest, &len, EVP_sha1(),
	    NULL) == 1);
	n = EVP_EncodeBlock(expected, digest, (int)len);
	return slice_eq(accept, (struct slice){ (char *)expected, (size_t)n });
}
