/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/form.h"

#include "http/chars.h"

const char *
form_value(struct arena *arena, struct slice form, const char *name)
{
	struct slice pair;

	while (slice_split(&form, '&', &pair)) {
		struct slice key;
		char *text, *to;

		if (!slice_split(&pair, '=', &key) ||
		    !slice_is(key, name))
			continue;
		text = to = arena_copy(arena, pair);
		for (size_t i = 0; i < pair.len; i++) {
			int high = -1, low = -1;

			if (pair.p[i] == '%' && i + 2 < pair.len) {
				high = chars_hex(pair.p[i + 1]);
				low = chars_hex(pair.p[i + 2]);
			}
			if (high >= 0 && low >= 0 && (high | low) != 0) {
				*to++ = (char)(high * 16 + low);
				i += 2;
			} else {
				*to++ = pair.p[i] == '+' ? ' ' : pair.p[i];
			}
		}
		*to = '\0';
		return text;
	}
	return NULL;
}
