/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where each call of the Run API says which flow or state it is about.  Both
 * spellings: everything below /api/run/N since 2020, and the older
 * /api/service/1, /api/social/1 and /api/log beside it.
 */
#include "policy/path_class.h"

#include <pthread.h>

#include "http/chars.h"

enum {
	WORDS_MAX = 8,
	NOTHING = -1,
	FIRST_WORD = 2,			/* that rows with the same beginning
					   differ in; "**" never stands before */
	TELLING_WORD = 3,
};

/*
 * The words of a path, first match wins: "*" is any one word, "**" any number
 * of them, none included.  value is the index of the word that *value gets.
 */
static const struct place_row {
	const char	*words[WORDS_MAX];
	enum flow_place	 place;
	int		 value;
} rows[] = {
	{ { "api", "run", "*" },			FLOW_IN_BODY, NOTHING },
	{ { "api", "run", "*", "state" },		FLOW_IN_BODY, NOTHING },
	/* "out" and "package" are words before the state, not states */
	{ { "api", "run", "*", "state", "out", "*", "**" },	STATE_IN_PATH, 5 },
	{ { "api", "run", "*", "state", "package" },	FLOW_NOWHERE, NOTHING },
	{ { "api", "run", "*", "state", "package", "*" },	STATE_IN_PATH, 5 },
	{ { "api", "run", "*", "state", "*", "**" },	STATE_IN_PATH, 4 },
	{ { "api", "run", "*", "navigation", "*", "**" },	STATE_IN_PATH, 4 },
	{ { "api", "run", "*", "authentication", "*", "**" },	STATE_IN_PATH, 4 },
	{ { "api", "run", "*", "authorization", "*", "**" },	STATE_IN_PATH, 4 },
	/* what a player asks before it has a flow's id: build-time metadata */
	{ { "api", "run", "*", "flow" },		FLOW_METADATA, NOTHING },
	{ { "api", "run", "*", "flow", "name", "**" },	FLOW_METADATA, NOTHING },
	{ { "api", "run", "*", "flow", "environment", "**" },
	    FLOW_METADATA, NOTHING },
	{ { "api", "run", "*", "flow", "*", "**" },	FLOW_IN_PATH, 4 },
	{ { "api", "run", "*", "service", "file", "content" },
	    STATE_IN_MULTIPART, NOTHING },
	{ { "api", "run", "*", "service", "data", "**" },
	    STATE_IN_HEADER_OR_BODY, NOTHING },
	{ { "api", "run", "*", "service", "file", "**" },
	    STATE_IN_HEADER_OR_BODY, NOTHING },
	{ { "api", "run", "*", "social", "**" },	STATE_IN_HEADER, NOTHING },
	{ { "api", "run", "*", "response" },		STATE_IN_TOKEN, NOTHING },
	{ { "api", "run", "*", "event" },		STATE_IN_TOKEN, NOTHING },
	{ { "api", "run", "*", "oauth", "**" },		STATE_IN_QUERY, NOTHING },
	{ { "api", "run", "*", "oauth2", "**" },	STATE_IN_QUERY, NOTHING },
	{ { "api", "run", "*", "oidc", "**" },		STATE_IN_QUERY, NOTHING },
	{ { "api", "run", "*", "saml", "**" },		STATE_IN_QUERY, NOTHING },

	{ { "api", "service", "*", "file", "content" },
	    STATE_IN_MULTIPART, NOTHING },
	{ { "api", "service", "*", "data", "**" },
	    STATE_IN_HEADER_OR_BODY, NOTHING },
	{ { "api", "service", "*", "file", "**" },
	    STATE_IN_HEADER_OR_BODY, NOTHING },
	{ { "api", "social", "**" },			STATE_IN_HEADER, NOTHING },
	{ { "api", "log", "*", "*", "**" },		STATE_IN_PATH, 3 },

	/* files of a state; uploads are the multipart bodies of above */
	{ { "api", "file", "*", "state", "*", "**" },	STATE_IN_PATH, 4 },
	{ { "api", "file", "state", "*", "**" },	STATE_IN_PATH, 3 },
	{ { "api", "file", "**" },		STATE_IN_HEADER_OR_BODY, NOTHING },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* More words than any row looks at are not wanted. */
static size_t
split_words(struct slice path, struct slice words[WORDS_MAX])
{
	size_t begin = path.len > 0 && path.p[0] == '/', count = 0;

	for (size_t i = 0; i < path.len && count < WORDS_MAX; i += 64) {
		struct slice rest = { path.p + i, path.len - i };
		uint64_t slashes = chars_where(rest, '/');

		if (i == 0)
			slashes &= ~(uint64_t)begin;
		for (; slashes != 0 && count < WORDS_MAX;
		    slashes &= slashes - 1) {
			size_t end = i + (size_t)__builtin_ctzll(slashes);

			words[count++] = (struct slice){ path.p + begin,
			    end - begin };
			begin = end + 1;
		}
	}
	if (count < WORDS_MAX)
		words[count++] = (struct slice){ path.p + begin,
		    path.len - begin };
	/* "/api/run/1/" is asked where "/api/run/1" is */
	while (count > 0 && words[count - 1].len == 0)
		count--;
	return count;
}

/*
 * The rows, a bit each, that a word with this first letter and of this length
 * may be of.  The fourth and fifth word tell most rows apart, so that of all
 * these few are looked at.  Made once.
 */
enum {
	LETTERS = 32,			/* as the lower five bits have them */
	LENGTHS = 32,			/* the last: that and more */
	TELLING = 2,
};
_Static_assert(ROWS < 64, "a row has a bit");
static uint64_t rows_by_letter[TELLING][LETTERS];
static uint64_t rows_by_length[TELLING][LENGTHS];
static uint64_t rows_returning;
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void
sort_row(size_t row, size_t at)
{
	const char *word = rows[row].words[TELLING_WORD + at];
	bool any = word == NULL || word[0] == '*';
	size_t len = any ? 0 : strlen(word);

	for (size_t k = 0; k < LETTERS; k++)
		if (any || (word[0] & (LETTERS - 1)) == (int)k)
			rows_by_letter[at][k] |= UINT64_C(1) << row;
	for (size_t k = 0; k < LENGTHS; k++)
		if (any || len == k)
			rows_by_length[at][k] |= UINT64_C(1) << row;
}

static void
sort_rows(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t at = 0; at < TELLING; at++)
			sort_row(i, at);
		if (rows[i].place == STATE_IN_TOKEN ||
		    rows[i].place == STATE_IN_QUERY)
			rows_returning |= UINT64_C(1) << i;
	}
}

static uint64_t
likely_rows(const struct slice *words, size_t count)
{
	uint64_t likely = (UINT64_C(1) << ROWS) - 1;

	for (size_t at = 0; at < TELLING && TELLING_WORD + at < count; at++) {
		struct slice word = words[TELLING_WORD + at];

		if (word.len >= LENGTHS)
			word.len = LENGTHS - 1;
		likely &= rows_by_length[at][word.len];
		if (word.len > 0)
			likely &= rows_by_letter[at][word.p[0] &
			    (LETTERS - 1)];
	}
	return likely;
}

/* In any case; literals are in lower case.  Words are too short for a call. */
static inline bool
is_word(struct slice word, const char *literal)
{
	size_t i = 0;

	while (i < word.len && literal[i] == ascii_lower(word.p[i]) &&
	    literal[i] != '\0')
		i++;
	return i == word.len && literal[i] == '\0';
}

/* Its first two words are known to match: begins(). */
static bool
row_matches(const struct place_row *row, const struct slice *words,
    size_t count)
{
	size_t i;

	for (i = FIRST_WORD; i < WORDS_MAX && row->words[i] != NULL; i++) {
		const char *word = row->words[i];

		if (word[0] == '*' && word[1] == '*')
			return true;
		if (i == count)
			return false;
		if (word[0] != '*' && !is_word(words[i], word))
			return false;
	}
	return i == count;
}

/* The same two literals begin most rows: they are compared once. */
struct beginning {
	const struct place_row *of;	/* the row compared last, or NULL */
	bool		 matches;
};

static bool
begins(struct beginning *b, const struct place_row *row,
    const struct slice *words, size_t count)
{
	if (b->of != NULL && row->words[0] == b->of->words[0] &&
	    row->words[1] == b->of->words[1])
		return b->matches;
	b->of = row;
	b->matches = count >= 2 && is_word(words[0], row->words[0]) &&
	    is_word(words[1], row->words[1]);
	return b->matches;
}

static enum flow_place
find(struct slice path, bool returning, struct slice *value)
{
	struct slice words[WORDS_MAX];
	size_t count = split_words(path, words);
	struct beginning beginning = { NULL, false };
	uint64_t likely;

	pthread_once(&rows_once, sort_rows);
	likely = likely_rows(words, count);
	if (returning)
		likely &= rows_returning;
	*value = (struct slice){ NULL, 0 };
	for (; likely != 0; likely &= likely - 1) {
		size_t i = (size_t)__builtin_ctzll(likely);

		if (!begins(&beginning, &rows[i], words, count) ||
		    !row_matches(&rows[i], words, count))
			continue;
		if (rows[i].value != NOTHING)
			*value = words[rows[i].value];
		return rows[i].place;
	}
	return FLOW_NOWHERE;
}

enum flow_place
flow_place_of(struct slice path, struct slice *value)
{
	return find(path, false, value);
}

/* No other row stands before one of these that matches as well. */
bool
flow_returns(struct slice path, enum flow_place *place)
{
	struct slice none;

	*place = find(path, true, &none);
	return *place != FLOW_NOWHERE;
}
