/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan explain token`: signs what a tester sends in
 * X-ManyWho-Region-Explain to see why a live request goes where it goes.
 */
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "command/command.h"
#include "command/explain.h"
#include "command/loading.h"
#include "command/options.h"
#include "conf/key_file.h"
#include "conf/mistakes.h"
#include "conf/value.h"

struct options {
	const char	*config, *subject, *ttl;
	bool		 json;
};

enum { SECOND_MS = 1000 };

static const uint64_t ttl_most_ms = (uint64_t)30 * 24 * 3600 * 1000;

static const struct usage *
usage_of(struct options *o)
{
	static struct option_spec specs[8];
	static const struct usage usage = { .command = "explain token",
	    .about = "Prints a token for a tester. Sent in the header "
	    "X-ManyWho-Region-Explain of a request,\nit has the same header of "
	    "the response say why the request went where it went.\nSigned with "
	    "the first key of the section explain of the configuration.",
	    .options = specs };
	const struct option_spec rows[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(" LOADING_DEFAULT_CONFIG ")", .value = &o->config },
		{ "for", 0, "NAME", "the tester, for the access log",
		    .value = &o->subject },
		{ "ttl", 0, "TIME", "how long it is good: 1h, 30d at most (1h)",
		    .value = &o->ttl },
		{ "json", 0, NULL, "answer as JSON", .flag = &o->json },
		{ 0 },
	};

	_Static_assert(sizeof(rows) <= sizeof(specs), "room for all options");
	memcpy(specs, rows, sizeof(rows));
	return &usage;
}

static int
read_options(struct options *o, uint64_t *ttl_ms)
{
	struct slice ttl = slice_of(o->ttl != NULL ? o->ttl : "1h");
	struct err err;

	if (o->subject == NULL)
		return options_mistake(usage_of(o), "for whom? --for NAME");
	if (!explain_subject_is_good(slice_of(o->subject)))
		return options_mistake(usage_of(o), "--for: a name is 1 to %d "
		    "letters, digits, '.', '_', '@' and '-'",
		    EXPLAIN_SUBJECT_MAX);
	if (!value_duration(ttl_ms, ttl, &err))
		return options_mistake(usage_of(o), "--ttl: %s", err.text);
	if (*ttl_ms < SECOND_MS || *ttl_ms > ttl_most_ms)
		return options_mistake(usage_of(o), "--ttl: %.*s is not "
		    "between 1s and 30d", SLICE_ARG(ttl));
	return OPTIONS_GO_ON;
}

static int
print(const struct options *o, const struct explain_key *key,
    uint64_t expires_s)
{
	char token[EXPLAIN_TOKEN_TEXT], date[CLOCK_TEXT_MAX];
	struct slice subject = slice_of(o->subject);
	struct buf out = { 0 };

	explain_token_sign(token, key, expires_s, subject);
	if (o->json) {
		buf_text(&out, "{\"token\":");
		buf_json(&out, slice_of(token));
		buf_text(&out, ",\"for\":");
		buf_json(&out, subject);
		buf_text(&out, ",\"expires\":");
		buf_json(&out, slice_of(clock_text(expires_s * SECOND_MS,
		    date)));
		buf_char(&out, '}');
	} else
		buf_text(&out, token);
	buf_char(&out, '\n');
	explicit_bzero(token, sizeof(token));
	return loading_print("explain token", &out, EXIT_GOOD);
}

static int
sign(struct options *o, const struct config *config, struct arena *arena,
    uint64_t ttl_ms)
{
	struct explain_keys keys;
	struct err err;
	int end;

	if (config->explain.nkey_files == 0)
		err_set(&err, "%s: no section explain: nobody sees anything "
		    "until it names a key", config->file);
	else if (config_read_explain_keys(arena, config, &keys, &err)) {
		end = print(o, &keys.list[0],
		    (clock_unix_ms() + ttl_ms) / SECOND_MS);
		explicit_bzero((void *)(uintptr_t)keys.list,
		    keys.count * sizeof(*keys.list));
		return end;
	}
	fprintf(stderr, "portolan explain token: %s\n", err.text);
	return EXIT_USAGE;
}

int
explain_token(int argc, char **argv)
{
	struct options o = { .json = false };
	struct operands none;
	struct mistakes mistakes;
	struct config *config;
	struct arena *arena;
	uint64_t ttl_ms;
	int end = options_parse(usage_of(&o), argc, argv, &none);

	if (end == OPTIONS_GO_ON)
		end = read_options(&o, &ttl_ms);
	if (end != OPTIONS_GO_ON)
		return end;
	arena = arena_new(0);
	mistakes_init(&mistakes);
	config = config_load(arena, o.config != NULL ? o.config :
	    LOADING_DEFAULT_CONFIG, &mistakes, NULL);
	/* Warnings are for `check`: the token alone is wanted here. */
	if (mistakes.errors > 0 || config == NULL) {
		loading_tell("explain token", &mistakes);
		end = EXIT_USAGE;
	} else
		end = sign(&o, config, arena, ttl_ms);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	return end;
}
