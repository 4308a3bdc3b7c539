/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/chars.h"

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

/*
 * Eight bytes at a time: values are most of a head, and a byte loop over them
 * would cost more than all the rest of the parser.
 */
#define EACH(byte)	(0x0101010101010101ull * (byte))
#define TOP_BITS	EACH(0x80)

static uint64_t
load(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Some byte of the word is below limit (at most 0x80). */
static bool
any_below(uint64_t word, uint64_t limit)
{
	return ((word - EACH(limit)) & ~word & TOP_BITS) != 0;
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

/* The compiler makes of these whatever the processor has; each comparison
 * gives all ones or all zeros for each byte. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

bool
chars_lower_name(char text[CHARS_NAME])
{
	words2 good = { UINT64_MAX, UINT64_MAX };

	for (size_t i = 0; i < CHARS_NAME; i += sizeof(bytes16)) {
		bytes16 c, low, letter, digit, hyphen;

		memcpy(&c, text + i, sizeof(c));
		low = c | 0x20;		/* digits and hyphens have this bit */
		letter = (bytes16)(low - 'a' < 26);
		digit = (bytes16)(c - '0' < 10);
		hyphen = (bytes16)(c == '-');
		good &= (words2)(letter | digit | hyphen);
		memcpy(text + i, &low, sizeof(low));
	}
	return (good[0] & good[1]) == UINT64_MAX;
}

size_t
chars_in_token(struct slice s)
{
	size_t i = 0;

	while (i < s.len && chars_is_token(s.p[i]))
		i++;
	return i;
}

/* No control byte, not even a tab. */
static bool
all_plain(uint64_t word)
{
	return !any_below(word, 0x20) && !any_below(word ^ EACH(0x7f), 1);
}

size_t
chars_in_value(struct slice s)
{
	size_t i = 0;

	for (;;) {
		while (s.len - i >= 8 && all_plain(load(s.p + i)))
			i += 8;
		/* What is left, with some that was seen already. */
		if (s.len >= 8 && s.len - i < 8 &&
		    all_plain(load(s.p + s.len - 8)))
			return s.len;
		/* The tail, or a word with a tab or something worse in it. */
		for (size_t n = 0; n < 8; n++, i++)
			if (i == s.len || !is_value(s.p[i]))
				return i;
	}
}

size_t
chars_in_target(struct slice s)
{
	size_t i = 0;

	while (s.len - i >= 8) {
		uint64_t word = load(s.p + i);

		if (any_below(word, 0x21) ||
		    any_below(word ^ EACH(0x7f), 1) || (word & TOP_BITS) != 0)
			break;
		i += 8;
	}
	while (i < s.len && is_target(s.p[i]))
		i++;
	return i;
}
