/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan ctl map`: the region map in service, and another in its place.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/ctl.h"
#include "command/options.h"
#include "conf/file.h"

enum { MAP_BYTES = 1024 * 1024 };

static int
unreachable(struct err *err)
{
	fprintf(stderr, "portolan ctl map: %s\n", err->text);
	return EXIT_USAGE;
}

/* A refusal, which is a text of a few lines. */
static int
refused(struct slice body, bool json)
{
	struct buf out = { 0 };

	if (json)
		ctl_lines_json(body, false, &out);
	else
		buf_slice(&out, body);
	fputs(buf_cstr(&out), json ? stdout : stderr);
	buf_fini(&out);
	return EXIT_FOUND;
}

/* --- get ---------------------------------------------------------------------- */

static void
print_map(const struct ctl_answer *a, bool json)
{
	struct buf out = { 0 };

	if (!json) {
		fwrite(a->body.p, 1, a->body.len, stdout);
		fprintf(stderr, "revision %s\n", a->revision);
		return;
	}
	buf_text(&out, "{\"revision\":");
	buf_json(&out, slice_of(a->revision));
	buf_text(&out, ",\"map\":");
	buf_json(&out, buf_all(&a->body));
	buf_text(&out, "}\n");
	fputs(buf_cstr(&out), stdout);
	buf_fini(&out);
}

static int
run_get(int argc, char **argv)
{
	struct ctl_place place = { .config = NULL };
	bool json = false;
	const struct option_spec specs[] = {
		CTL_PLACE_OPTIONS(place),
		{ "json", 0, NULL, "answer as JSON", .flag = &json },
		{ 0 },
	};
	const struct usage usage = { .command = "ctl map get", .about =
	    "The region map in service, on standard output, and its revision, "
	    "on standard\nerror.", .options = specs };
	struct ctl_answer answer = { .status = 0 };
	struct operands none;
	struct err err;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	if (!ctl_exchange(&place, &(struct ctl_question){ .method = "GET",
	    .target = "/v1/map" },
	    &answer, &err))
		end = unreachable(&err);
	else if (answer.status != 200)
		end = refused(buf_all(&answer.body), json);
	else
		end = EXIT_GOOD;
	if (end == EXIT_GOOD)
		print_map(&answer, json);
	buf_fini(&answer.body);
	return end != EXIT_GOOD || fflush(stdout) == 0 ? end : EXIT_USAGE;
}

/* --- put ---------------------------------------------------------------------- */

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static void
print_changes(struct slice body)
{
	json_t *root = json_loadb(body.p, body.len, 0, NULL);

	fputs(text_of(root, "warnings"), stderr);
	fputs(text_of(root, "text"), stdout);
	if (json_is_true(json_object_get(root, "applied")))
		printf("in service: revision %s\n", text_of(root, "revision"));
	else
		printf("not applied: revision %s is in service, this would be "
		    "%s\n", text_of(root, "before"),
		    text_of(root, "revision"));
	json_decref(root);
}

static int
put(const struct ctl_place *place, const struct ctl_question *question,
    bool json)
{
	struct ctl_answer answer = { .status = 0 };
	struct err err;
	int end = EXIT_GOOD;

	if (!ctl_exchange(place, question, &answer, &err))
		end = unreachable(&err);
	else if (answer.status != 200)
		end = refused(buf_all(&answer.body), json);
	else if (json)
		fwrite(answer.body.p, 1, answer.body.len, stdout);
	else
		print_changes(buf_all(&answer.body));
	buf_fini(&answer.body);
	return end;
}

struct put_options {
	const char	*revision;
	bool		 force, dry_run, json;
};

static int
put_file(const struct ctl_place *place, const struct put_options *o,
    const char *file)
{
	struct buf map = { 0 };
	char match[128];
	struct ctl_question question = { .method = "PUT", .target = o->dry_run ?
	    "/v1/map?dry-run" : "/v1/map", .fields = match };
	struct err err;
	int end;

	if (!file_read(&map, file, MAP_BYTES, &err)) {
		fprintf(stderr, "portolan ctl map put: %s: %s\n", file,
		    err.text);
		buf_fini(&map);
		return EXIT_USAGE;
	}
	if (o->revision == NULL)
		snprintf(match, sizeof(match), "If-Match: *\r\n");
	else
		snprintf(match, sizeof(match), "If-Match: \"%.64s\"\r\n",
		    o->revision);
	question.body = buf_all(&map);
	end = put(place, &question, o->json);
	buf_fini(&map);
	return end;
}

static int
run_put(int argc, char **argv)
{
	struct ctl_place place = { .config = NULL };
	struct put_options o = { .json = false };
	const struct option_spec specs[] = {
		{ "if-match", 0, "REVISION", "what it was made of: refused if "
		    "another is in service", .value = &o.revision },
		{ "force", 0, NULL, "whatever is in service, and in the file",
		    .flag = &o.force },
		{ "dry-run", 0, NULL, "only tell what would change",
		    .flag = &o.dry_run },
		CTL_PLACE_OPTIONS(place),
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "ctl map put",
	    .operands = "FILE", .about =
	    "Takes FILE into service as the region map: it is checked, what "
	    "it changes is\ntold, the file that the configuration names is "
	    "replaced, and the new generation\nis in service, all of it or "
	    "nothing. `portolan ctl map get` tells the revision.",
	    .options = specs, .least = 1, .most = 1 };
	struct operands files;
	int end = options_parse(&usage, argc, argv, &files);

	if (end != OPTIONS_GO_ON)
		return end;
	if (o.revision == NULL && !o.force && !o.dry_run)
		return options_mistake(&usage, "which map was it made of? Say "
		    "--if-match REVISION (ctl map get tells it), or --force");
	if (o.revision != NULL && (o.force || strpbrk(o.revision, "\"\r\n") !=
	    NULL))
		return options_mistake(&usage, "--if-match is a revision, and "
		    "not beside --force");
	return put_file(&place, &o, files.item[0]);
}

int
ctl_map(int argc, char **argv)
{
	static const struct command subs[] = {
		{ "get", "the region map in service", run_get },
		{ "put", "another in its place", run_put },
	};

	return command_group("ctl map", subs, 2, argc, argv);
}
