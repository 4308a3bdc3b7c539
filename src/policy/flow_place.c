/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where each call of the Run API says which flow or state it is about.  Both
 * spellings: everything below /api/run/N since 2020, and the older
 * /api/service/1, /api/social/1 and /api/log beside it.
 */
#include "policy/path_class.h"

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
	size_t count = 0;

	size_t i = path.len > 0 && path.p[0] == '/', from = i;

	/* Words are too short for a search to pay. */
	for (; count < WORDS_MAX && i <= path.len; i++) {
		if (i < path.len && path.p[i] != '/')
			continue;
		words[count++] = (struct slice){ path.p + from, i - from };
		from = i + 1;
	}
	/* "/api/run/1/" is asked where "/api/run/1" is */
	while (count > 0 && words[count - 1].len == 0)
		count--;
	return count;
}

/*
 * By the first letter of one word.  The fourth and fifth tell most rows apart,
 * so nearly all others are passed over at the cost of a look.
 */
static bool
differs_at(const struct place_row *row, const struct slice *words,
    size_t count, size_t at)
{
	return at < count && row->words[at] != NULL &&
	    row->words[at][0] != '*' && (words[at].len == 0 ||
	    ascii_lower(words[at].p[0]) != row->words[at][0]);
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
		if (word[0] != '*' &&
		    !slice_eq_nocase(words[i], slice_of(word)))
			return false;
	}
	return i == count;
}

/* The same two literals begin most rows: they are compared once. */
struct beginning {
	const char	*first, *second;
	bool		 matches;
};

static bool
begins(struct beginning *b, const struct place_row *row,
    const struct slice *words, size_t count)
{
	if (row->words[0] == b->first && row->words[1] == b->second)
		return b->matches;
	b->first = row->words[0];
	b->second = row->words[1];
	b->matches = count >= 2 &&
	    slice_eq_nocase(words[0], slice_of(b->first)) &&
	    slice_eq_nocase(words[1], slice_of(b->second));
	return b->matches;
}

enum flow_place
flow_place_of(struct slice path, struct slice *value)
{
	struct slice words[WORDS_MAX];
	size_t count = split_words(path, words);
	struct beginning beginning = { NULL, NULL, false };

	*value = (struct slice){ NULL, 0 };
	for (size_t i = 0; i < ROWS; i++) {
		if (!begins(&beginning, &rows[i], words, count) ||
		    differs_at(&rows[i], words, count, TELLING_WORD) ||
		    differs_at(&rows[i], words, count, TELLING_WORD + 1) ||
		    !row_matches(&rows[i], words, count))
			continue;
		if (rows[i].value != NOTHING)
			*value = words[rows[i].value];
		return rows[i].place;
	}
	return FLOW_NOWHERE;
}
