/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/slice.h"

bool
slice_starts_nocase(struct slice s, struct slice prefix)
{
	if (s.len < prefix.len)
		return false;
	/* Nearly everybody writes them as we do. */
	if (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0)
		return true;
	for (size_t i = 0; i < prefix.len; i++)
		if (s.p[i] != prefix.p[i] &&
		    ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
			return false;
	return true;
}

bool
slice_split(struct slice *rest, char sep, struct slice *part)
{
	const char *end;

	if (rest->p == NULL) {
		*part = (struct slice){ NULL, 0 };
		return false;
	}
	end = rest->len == 0 ? NULL : memchr(rest->p, sep, rest->len);
	if (end == NULL) {
		*part = *rest;
		*rest = (struct slice){ NULL, 0 };
		return true;
	}
	*part = (struct slice){ rest->p, (size_t)(end - rest->p) };
	rest->len -= part->len + 1;
	rest->p = end + 1;
	return true;
}

bool
slice_to_u64(struct slice s, uint64_t *value)
{
	uint64_t sum = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (digit > 9 || sum > UINT64_MAX / 10 ||
		    (sum == UINT64_MAX / 10 && digit > UINT64_MAX % 10))
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}
