/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan ctl`: talks to a running service over its admin socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/ctl.h"
#include "command/options.h"
#include "conf/config.h"
#include "conf/mistakes.h"
#include "conf/value.h"

/* How an answer is told: what the service says is for people, but for status
 * and errors, which it says in JSON. */
enum answer { ANSWER_REGIONS, ANSWER_STATUS, ANSWER_READY, ANSWER_LINES, ANSWER_ERRORS };

struct word {
	const char	*name, *about;
	const char	*method, *target;
	enum answer	 answer;
};

struct ctl {
	struct ctl_place place;
	bool		 json;
};

/* --- which socket ------------------------------------------------------------------- */

/* Other mistakes in the file do not matter: a reload tells of them. */
static bool
socket_of_config(const char *file, char path[256], struct err *err)
{
	struct arena *arena = arena_new(4096);
	const struct config *config;
	struct mistakes mistakes;

	path[0] = '\0';
	mistakes_init(&mistakes);
	config = config_load(arena, file, &mistakes, NULL);
	if (config == NULL)
		err_set(err, "%s cannot be read (portolan check -c %s tells "
		    "why); name the file with -c, or the socket with --socket",
		    file, file);
	else if (config->console.socket == NULL)
		err_set(err, "%s names no console.socket, which this command "
		    "talks to; name one, and restart the service", file);
	else
		snprintf(path, 256, "%s", config->console.socket);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	return path[0] != '\0';
}

bool
ctl_exchange(const struct ctl_place *place,
    const struct ctl_question *question, struct ctl_answer *answer,
    struct err *err)
{
	const char *file = place->config != NULL ? place->config :
	    CTL_DEFAULT_CONFIG;
	char path[256];

	if (place->socket != NULL)
		return ctl_ask(place->socket, question, answer, err);
	return socket_of_config(file, path, err) &&
	    ctl_ask(path, question, answer, err);
}

/* --- an answer -------------------------------------------------------------------- */

static void
print_json(const struct word *word, struct slice body, bool good)
{
	struct buf out = { 0 };

	if ((word->answer == ANSWER_STATUS ||
	    word->answer == ANSWER_REGIONS ||
	    word->answer == ANSWER_ERRORS) && good)
		buf_slice(&out, body);
	else if (word->answer == ANSWER_READY)
		ctl_ready_json(body, good, &out);
	else
		ctl_lines_json(body, good, &out);
	fputs(buf_cstr(&out), stdout);
	buf_fini(&out);
}

static void
print_text(const struct word *word, struct slice body, bool good)
{
	struct buf out = { 0 };

	bool (*write)(struct slice, struct buf *) =
	    word->answer == ANSWER_STATUS ? ctl_status_text :
	    word->answer == ANSWER_ERRORS ? ctl_errors_text :
	    word->answer == ANSWER_REGIONS ? ctl_regions_text : NULL;

	if (write == NULL || !good || !write(body, &out))
		buf_slice(&out, body);
	fputs(buf_cstr(&out), good ? stdout : stderr);
	buf_fini(&out);
}

static int
talk(const struct ctl *ctl, const struct word *word)
{
	struct ctl_answer answer = { .status = 0 };
	struct err err;
	bool good;

	if (!ctl_exchange(&ctl->place, &(struct ctl_question){ .method = word->method,
	    .target = word->target }, &answer, &err)) {
		fprintf(stderr, "portolan ctl: %s\n", err.text);
		buf_fini(&answer.body);
		return EXIT_USAGE;
	}
	good = answer.status < 400;
	(ctl->json ? print_json : print_text)(word, buf_all(&answer.body),
	    good);
	buf_fini(&answer.body);
	return good ? EXIT_GOOD : EXIT_FOUND;
}

/* --- the words ------------------------------------------------------------------------ */

static int
run_word(const struct word *word, int argc, char **argv)
{
	struct ctl ctl = { .json = false };
	const struct option_spec specs[] = {
		CTL_PLACE_OPTIONS(ctl.place),
		{ "json", 0, NULL, "answer as JSON", .flag = &ctl.json },
		{ 0 },
	};
	const struct usage usage = { .command = word->name,
	    .about = word->about, .options = specs };
	struct operands none;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	return talk(&ctl, word);
}

static int
run_status(int argc, char **argv)
{
	static const struct word word = { "ctl status", "Generation, regions, "
	    "engines and their health.", "GET", "/status", ANSWER_STATUS };

	return run_word(&word, argc, argv);
}

static int
run_ready(int argc, char **argv)
{
	static const struct word word = { "ctl ready", "Whether the service is "
	    "ready, check by check; exit code 1 if it is not.", "GET",
	    "/readyz?verbose", ANSWER_READY };

	return run_word(&word, argc, argv);
}

static int
run_errors(int argc, char **argv)
{
	static const struct word word = { "ctl errors", "The last requests of "
	    "each listener that broke a rule of HTTP, and where; kept until "
	    "the edge process ends.", "GET", "/errors", ANSWER_ERRORS };

	return run_word(&word, argc, argv);
}

static int
run_reload(int argc, char **argv)
{
	static const struct word word = { "ctl reload", "Reads all files again "
	    "and swaps the generation. On any mistake nothing changes, all of "
	    "them are told, and the exit code is 1.", "POST", "/reload",
	    ANSWER_LINES };

	return run_word(&word, argc, argv);
}

static int
run_drain(int argc, char **argv)
{
	static const struct word word = { "ctl drain", "Turns unready and "
	    "closes connections as they fall idle; the process stays.", "POST",
	    "/drain", ANSWER_LINES };

	return run_word(&word, argc, argv);
}

static int
run_upgrade(int argc, char **argv)
{
	static const struct word word = { "ctl upgrade", "Starts the program "
	    "anew, from its file as it is now, and hands it the listeners; "
	    "answers when the new one serves. If it does not start, the old "
	    "one goes on, and the exit code is 1.", "POST", "/upgrade",
	    ANSWER_LINES };

	return run_word(&word, argc, argv);
}

/* "region=GB&state=down&for=1800000&reason=..." */
static bool
region_target(struct buf *target, const struct operands *what,
    const char *duration, const char *reason, struct err *err)
{
	uint64_t ms;

	buf_text(target, "/region?region=");
	ctl_encode(target, what->item[0]);
	buf_text(target, "&state=");
	ctl_encode(target, what->item[1]);
	if (duration != NULL) {
		if (!value_duration(&ms, slice_of(duration), err))
			return err_wrap(err, "--for");
		buf_printf(target, "&for=%llu", (unsigned long long)ms);
	}
	if (reason != NULL) {
		buf_text(target, "&reason=");
		ctl_encode(target, reason);
	}
	return true;
}

static int
run_region(int argc, char **argv)
{
	struct ctl ctl = { .json = false };
	const char *duration = NULL, *reason = NULL;
	const struct option_spec specs[] = {
		{ "for", 0, "TIME", "how long, 30m for example (until it is "
		    "taken back)", .value = &duration },
		{ "reason", 0, "TEXT", "told wherever the word is shown",
		    .value = &reason },
		CTL_PLACE_OPTIONS(ctl.place),
		{ "json", 0, NULL, "answer as JSON", .flag = &ctl.json },
		{ 0 },
	};
	const struct usage usage = { .command = "ctl region",
	    .operands = "[REGION down|drain|up|auto]", .about =
	    "An operator's word about a region, for this edge: down (nothing "
	    "is sent there),\ndrain (nothing begins there; what was begun goes "
	    "on), up (it is tried whatever\nthe probes say), auto (as the "
	    "probes say). It outlives restarts. Without\noperands: what is "
	    "in force.", .options = specs, .most = 2 };
	struct word word = { "ctl region", NULL, "GET", "/regions",
	    ANSWER_REGIONS };
	struct buf target = { 0 };
	struct operands what;
	struct err err;
	int end = options_parse(&usage, argc, argv, &what);

	if (end != OPTIONS_GO_ON)
		return end;
	if (what.count == 1 || (what.count == 0 && (duration != NULL ||
	    reason != NULL)))
		return options_mistake(&usage, "say which region, and down, "
		    "drain, up or auto");
	if (what.count == 2) {
		if (!region_target(&target, &what, duration, reason, &err)) {
			buf_fini(&target);
			return options_mistake(&usage, "%s", err.text);
		}
		word = (struct word){ "ctl region", NULL, "POST",
		    buf_cstr(&target), ANSWER_LINES };
	}
	end = talk(&ctl, &word);
	buf_fini(&target);
	return end;
}

static const struct command words[] = {
	{ "status", "what is in service and how it is", run_status },
	{ "ready", "whether it is ready, and what is missing", run_ready },
	{ "errors", "the last bad requests, and what is wrong with them",
	    run_errors },
	{ "reload", "read all files again", run_reload },
	{ "drain", "stop taking new work", run_drain },
	{ "region", "take a region down, drain it, or back", run_region },
	{ "map", "the region map in service, or another in its place",
	    ctl_map },
	{ "upgrade", "let a new binary take over", run_upgrade },
};

static int
run_ctl(int argc, char **argv)
{
	return command_group("ctl", words, sizeof(words) / sizeof(*words),
	    argc, argv);
}

const struct command command_ctl = { "ctl", "talk to the running service",
    run_ctl };
