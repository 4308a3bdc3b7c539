/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/chars16.h"

const unsigned char chars_token[256] = {
	['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&',
	['\''] = '\'', ['*'] = '*', ['+'] = '+', ['-'] = '-', ['.'] = '.',
	['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|', ['~'] = '~',
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
	['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e',
	['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
	['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
	['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
	['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
	['Z'] = 'z',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
	['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
	['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',
	['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
	['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
	['z'] = 'z',
};

static bytes16
no_targets(bytes16 c)
{
	return (bytes16)(((signed16)c <= 0x20) | (c == 0x7f));
}

/* The same for eight bytes: no control, not even a tab. */
#define EACH(byte)	(0x0101010101010101ull * (byte))
#define TOP_BITS	EACH(0x80)

/* Some byte of the word is below limit (at most 0x80). */
static bool
any_below(uint64_t word, uint64_t limit)
{
	return ((word - EACH(limit)) & ~word & TOP_BITS) != 0;
}

static bool
all_plain(uint64_t word)
{
	return !any_below(word, 0x20) && !any_below(word ^ EACH(0x7f), 1);
}

/* Of 4 to 15 bytes: from both ends, the middle twice. */
static bool
short_is_plain(struct slice s)
{
	uint64_t first = 0, last = 0;
	uint32_t half;

	if (s.len >= 8) {
		memcpy(&first, s.p, 8);
		memcpy(&last, s.p + s.len - 8, 8);
		return all_plain(first) && all_plain(last);
	}
	memcpy(&first, s.p, 4);
	memcpy(&half, s.p + s.len - 4, 4);
	return all_plain(first | (uint64_t)half << 32);
}

static bool
is_value(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 0x20 && u != 0x7f) || u == '\t';
}

static bool
is_target(char c)
{
	return c > 0x20 && c < 0x7f;
}

size_t
chars_usual_line(struct slice line, char low[CHARS_NAME])
{
	bytes16 bad;

	if (line.len < 16)
		return 0;
	bad = controls(load16(line.p + line.len - 16));
	for (size_t i = 0; line.len - i > 16; i += 16)
		bad |= controls(load16(line.p + i));
	return mask_of(bad) == 0 ? chars_usual_name(line, low) : 0;
}

size_t
chars_in_token(struct slice s)
{
	size_t i = 0;

	while (i < s.len && chars_is_token(s.p[i]))
		i++;
	return i;
}

size_t
chars_in_value(struct slice s)
{
	size_t i = 0;

	if (s.len < 16) {
		if (s.len >= 4 && short_is_plain(s))
			return s.len;
		while (i < s.len && is_value(s.p[i]))
			i++;
		return i;
	}
	for (;;) {
		while (s.len - i >= 16 &&
		    mask_of(controls(load16(s.p + i))) == 0)
			i += 16;
		/* What is left, with some that was seen already. */
		if (s.len - i < 16 &&
		    mask_of(controls(load16(s.p + s.len - 16))) == 0)
			return s.len;
		/* The tail, or a block with a tab or something worse in it. */
		for (size_t n = 0; n < 16; n++, i++)
			if (i == s.len || !is_value(s.p[i]))
				return i;
	}
}

size_t
chars_in_target(struct slice s)
{
	size_t i = 0;

	while (s.len - i >= 16 && mask_of(no_targets(load16(s.p + i))) == 0)
		i += 16;
	if (s.len >= 16 && s.len - i < 16 &&
	    mask_of(no_targets(load16(s.p + s.len - 16))) == 0)
		return s.len;
	while (i < s.len && is_target(s.p[i]))
		i++;
	return i;
}

/* All of 8 to 15 bytes, or of 4 to 7, some of them more than once. */
static bytes16
load_short(struct slice s)
{
	char all[16];

	if (s.len >= 8) {
		memcpy(all, s.p, 8);
		memcpy(all + 8, s.p + s.len - 8, 8);
	} else {
		memcpy(all, s.p, 4);
		memcpy(all + 4, s.p + s.len - 4, 4);
		memcpy(all + 8, all, 8);
	}
	return load16(all);
}

static bool
all_of_name(bytes16 c)
{
	return mask_of((bytes16)((c - 'a' < 26) | (c - '0' < 10) |
	    (c == '-'))) == 0xffff;
}

bool
chars_plain_name(struct slice name)
{
	size_t i = 0;

	if (name.len < 16)
		return name.len >= 4 && all_of_name(load_short(name));
	for (; name.len - i >= 16; i += 16)
		if (!all_of_name(load16(name.p + i)))
			return false;
	return i == name.len || all_of_name(load16(name.p + name.len - 16));
}

static bytes16
lower16(bytes16 c)
{
	return c | ((bytes16)(c - 'A' < 26) & 0x20);
}

static void
lower_block(char *to, const char *from)
{
	bytes16 c = lower16(load16(from));

	memcpy(to, &c, sizeof(c));
}

void
chars_lower(char *to, struct slice s)
{
	size_t i = 0;
	bytes16 c;

	for (; s.len - i >= 16; i += 16)
		lower_block(to + i, s.p + i);
	if (i == s.len)
		return;
	if (s.len >= 16) {
		lower_block(to + s.len - 16, s.p + s.len - 16);
	} else if (s.len >= 8) {
		c = lower16(load_short(s));
		memcpy(to, &c, 8);
		memcpy(to + s.len - 8, (const char *)&c + 8, 8);
	} else {
		for (; i < s.len; i++)
			to[i] = ascii_lower(s.p[i]);
	}
}

uint64_t
chars_where(struct slice s, char c)
{
	const bytes16 wanted = (bytes16){ 0 } + (uint8_t)c;
	size_t len = s.len < 64 ? s.len : 64, i = 0;
	uint64_t found = 0;

	for (; len - i >= 16; i += 16)
		found |= (uint64_t)mask_of((bytes16)(load16(s.p + i) ==
		    wanted)) << i;
	if (i < len && len >= 16)
		return found | (uint64_t)mask_of((bytes16)(load16(s.p + len -
		    16) == wanted)) << (len - 16);
	for (; i < len; i++)
		found |= (uint64_t)(s.p[i] == c) << i;
	return found;
}

/* The second byte of a pair of which the first is a slash. */
static bool
pairs_off(char c)
{
	return c == '/' || c == '.' || c == ';';
}

bool
chars_plain_path(struct slice path)
{
	unsigned slash = 0;		/* the last byte was one */
	size_t i = 0;

	for (; path.len - i >= 16; i += 16) {
		bytes16 c = load16(path.p + i);
		unsigned slashes = mask_of((bytes16)(c == '/'));

		if (mask_of((bytes16)((c == '%') | (c == '\\'))) != 0 ||
		    ((slashes << 1 | slash) & (slashes |
		    mask_of((bytes16)((c == '.') | (c == ';'))))) != 0)
			return false;
		slash = slashes >> 15;
	}
	for (; i < path.len; i++) {
		char c = path.p[i];

		if (c == '%' || c == '\\' || (slash != 0 && pairs_off(c)))
			return false;
		slash = c == '/';
	}
	return true;
}

bool
chars_plain_host(struct slice name)
{
	unsigned dot = 1;		/* the last byte was one, or there is none */
	size_t i = 0;

	if (name.len > CHARS_HOST)
		return false;
	for (; name.len - i >= 16; i += 16) {
		bytes16 c = load16(name.p + i);
		unsigned dots = mask_of((bytes16)(c == '.'));

		if ((mask_of((bytes16)((c - 'a' < 26) | (c - '0' < 10) |
		    (c == '-') | (c == '_'))) | dots) != 0xffff ||
		    ((dots << 1 | dot) & dots) != 0)
			return false;
		dot = dots >> 15;
	}
	for (; i < name.len; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && (c != '.' || dot != 0))
			return false;
		dot = c == '.';
	}
	return dot == 0;
}
