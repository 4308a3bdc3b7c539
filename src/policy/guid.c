/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/guid.h"

/* "{...}" and "(...)" without what is around them. */
static struct slice
without_braces(struct slice s)
{
	if (s.len < 2)
		return s;
	if ((s.p[0] == '{' && s.p[s.len - 1] == '}') ||
	    (s.p[0] == '(' && s.p[s.len - 1] == ')'))
		return (struct slice){ s.p + 1, s.len - 2 };
	return s;
}

static bool
is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

/* The digit and one more; 0 for what is none.  Every request of a restricted
 * tenant comes along here: one look a digit. */
static const uint8_t hex[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	['A'] = 11, 12, 13, 14, 15, 16,
	['a'] = 11, 12, 13, 14, 15, 16,
};

bool
guid_parse(uint8_t bytes[16], struct slice text)
{
	static const uint8_t dashed[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21,
	    24, 26, 28, 30, 32, 34 };
	struct slice s = without_braces(text);
	const unsigned char *p = (const unsigned char *)s.p;
	bool dashes = s.len == GUID_TEXT - 1;
	uint8_t out[16];
	int bad = 0;

	if (!dashes && s.len != 32)
		return false;
	if (dashes && (p[8] != '-' || p[13] != '-' || p[18] != '-' ||
	    p[23] != '-'))
		return false;
	for (unsigned i = 0; i < 16; i++) {
		unsigned at = dashes ? dashed[i] : 2 * i;
		int high = hex[p[at]] - 1, low = hex[p[at + 1]] - 1;

		bad |= high | low;		/* negative if one is */
		out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	if (bad < 0)
		return false;
	memcpy(bytes, out, sizeof(out));
	return true;
}

const char *
guid_text(const uint8_t bytes[16], char text[GUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *p = text;

	for (size_t i = 0; i < 16; i++) {
		if (is_dash((size_t)(p - text)))
			*p++ = '-';
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p = '\0';
	return text;
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* The first byte keeps GUIDs apart from names that happen to be their bytes. */
bool
id_key_from(struct id_key *key, struct slice text)
{
	key->len = 0;
	if (guid_parse((uint8_t *)key->bytes + 1, text)) {
		key->bytes[0] = '#';
		key->len = 17;
		return true;
	}
	if (text.len == 0 || text.len >= ID_KEY_TEXT)
		return false;
	key->bytes[0] = '=';
	for (size_t i = 0; i < text.len; i++) {
		if (!is_name_byte(text.p[i]))
			return false;
		key->bytes[i + 1] = ascii_lower(text.p[i]);
	}
	key->len = (uint8_t)(text.len + 1);
	return true;
}
