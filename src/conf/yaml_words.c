/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/yaml_words.h"

#include <string.h>

static const char a_tab[] = "a tab cannot indent in YAML; use spaces";

static const struct {
	const char	*problem, *sentence;
} problems[] = {
	{ "mapping values are not allowed in this context",
	  "a colon where no value can begin; is the line indented wrongly, or "
	  "does a value with a colon lack its quotes?" },
	{ "did not find expected key",
	  "no key where one was expected; is the line indented wrongly?" },
	{ "could not find expected ':'",
	  "a key without its colon" },
	{ "did not find expected ',' or ']'",
	  "a list in brackets lacks a comma or its closing bracket" },
	{ "did not find expected ',' or '}'",
	  "a map in braces lacks a comma or its closing brace" },
	{ "did not find expected '-' indicator",
	  "no '- ' where a list goes on; is the line indented wrongly?" },
	{ "did not find expected node content",
	  "a value cannot begin like this; an IPv6 address needs quotes" },
	{ "found unexpected end of stream",
	  "the file ends inside quotes" },
	{ "found a tab character that violates indentation", a_tab },
	{ "block sequence entries are not allowed in this context",
	  "a list cannot begin here; put it on a line of its own" },
};

static const char *
token_problem(struct arena *arena, char at)
{
	if (at == '\t')
		return a_tab;
	return arena_printf(arena,
	    "a value cannot begin with '%c'; put it in quotes", at);
}

const char *
yaml_problem_words(struct arena *arena, const char *problem, char at)
{
	if (problem == NULL)
		problem = "cannot be read";
	if (strcmp(problem, "found character that cannot start any token") == 0)
		return token_problem(arena, at);
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (strcmp(problem, problems[i].problem) == 0)
			return problems[i].sentence;
	return problem;
}

static const struct {
	const char	*context, *thing;
} contexts[] = {
	{ "while parsing a block mapping", "the map" },
	{ "while parsing a block collection", "the list" },
	{ "while parsing a flow mapping", "the map in braces" },
	{ "while parsing a flow sequence", "the list in brackets" },
	{ "while scanning a quoted scalar", "the quoted text" },
	{ "while scanning a simple key", "the key" },
	{ "while scanning a plain scalar", "the value" },
};

const char *
yaml_context_words(const char *context)
{
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		if (strcmp(context, contexts[i].context) == 0)
			return contexts[i].thing;
	return context;
}
