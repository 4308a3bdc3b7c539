/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
hex(char *to, const uint8_t bytes[16])
{
	for (int i = 0; i < 16; i++)
		sprintf(to + 2 * i, "%02x", bytes[i]);
}

/* Of text that holds these digits alone. */
static void
unhex(uint8_t bytes[16], const char *text)
{
	for (int i = 0; i < 16; i++) {
		char two[3] = { text[2 * i], text[2 * i + 1] };

		bytes[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

struct cursor
cursor_of(const char *text)
{
	struct cursor c = { .created_ms = INT64_MIN };

	if (text == NULL || strlen(text) < 66 || strlen(text) > 90 ||
	    strspn(text, "0123456789abcdef") < 64)
		return c;
	unhex(c.flow, text);
	unhex(c.id, text + 32);
	c.created_ms = strtoll(text + 64, NULL, 10);
	return c;
}

void
cursor_text(char text[CURSOR_TEXT], const struct store_row *last)
{
	char flow[33], id[33];

	hex(flow, last->flow);
	hex(id, last->id);
	snprintf(text, CURSOR_TEXT, "%s%s%020" PRId64, flow, id,
	    last->created_ms);
}
