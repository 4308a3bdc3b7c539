/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/base64url.h"

#include <stdint.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
base64url_write(struct buf *out, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	char *to = buf_reserve(out, len / 3 * 4 + 4), *begin = to;

	for (; len >= 3; len -= 3, from += 3) {
		*to++ = digits[from[0] >> 2];
		*to++ = digits[(from[0] & 3) << 4 | from[1] >> 4];
		*to++ = digits[(from[1] & 15) << 2 | from[2] >> 6];
		*to++ = digits[from[2] & 63];
	}
	if (len > 0) {
		uint8_t second = len > 1 ? from[1] : 0;

		*to++ = digits[from[0] >> 2];
		*to++ = digits[(from[0] & 3) << 4 | second >> 4];
		if (len > 1)
			*to++ = digits[(second & 15) << 2];
	}
	out->len += (size_t)(to - begin);
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
base64url_read(struct buf *out, struct slice text)
{
	char *to = buf_reserve(out, text.len / 4 * 3 + 3), *begin = to;
	uint32_t bits = 0;
	unsigned have = 0;

	if (text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.p[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	if (bits != 0)
		return false;		/* another text for the same bytes */
	out->len += (size_t)(to - begin);
	return true;
}
