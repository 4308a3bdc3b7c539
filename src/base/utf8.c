/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/utf8.h"

#include <stdint.h>

static bool
in_range(uint8_t c, uint8_t low, uint8_t high)
{
	return c >= low && c <= high;
}

/* The table of well-formed sequences in RFC 3629, section 4. */
size_t
utf8_width(const char *p, size_t len)
{
	const uint8_t *c = (const uint8_t *)p;
	uint8_t low = 0x80, high = 0xbf;
	size_t width;

	if (len == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (in_range(c[0], 0xc2, 0xdf))
		width = 2;
	else if (in_range(c[0], 0xe0, 0xef))
		width = 3;
	else if (in_range(c[0], 0xf0, 0xf4))
		width = 4;
	else
		return 0;
	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;
	if (len < width || !in_range(c[1], low, high))
		return 0;
	for (size_t i = 2; i < width; i++)
		if (!in_range(c[i], 0x80, 0xbf))
			return 0;
	return width;
}

bool
utf8_valid(const char *p, size_t len)
{
	for (size_t i = 0, width; i < len; i += width) {
		width = utf8_width(p + i, len - i);
		if (width == 0)
			return false;
	}
	return true;
}
