/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "command/geodb.h"
#include "command/options.h"
#include "conf/file.h"
#include "geo/mmdb_write.h"

static const size_t INPUT_LIMIT = (size_t)1 << 30;

struct job {
	const char	*output, *type, *description;
	uint64_t	 epoch;
	bool		 json, strict;
	struct operands	 files;
	struct range_text text;
	size_t		 lines;		/* ranges read */
	struct buf	 bytes;		/* the database */
};

/* Ranges keep no bytes of the text, so one buffer serves all files. */
static bool
read_inputs(struct job *j)
{
	struct buf input = { .p = NULL };
	struct err err;

	for (int i = 0; i < j->files.count; i++) {
		const char *name = j->files.item[i];
		bool is_stdin = strcmp(name, "-") == 0;

		buf_clear(&input);
		if (!file_read(&input, is_stdin ? "/dev/stdin" : name,
		    INPUT_LIMIT, &err)) {
			fprintf(stderr, "%s: %s\n", name, err.text);
			buf_fini(&input);
			return false;
		}
		range_text_read(&j->text, is_stdin ? "stdin" : name,
		    buf_all(&input));
	}
	buf_fini(&input);
	return true;
}

static void
tell_strays(const struct job *j)
{
	for (size_t i = 0; i < j->text.nstrays; i++) {
		const struct range_stray *s = &j->text.strays[i];

		fprintf(stderr, "%s:%u:%u: %sno country has the code '%s': "
		    "%zu range%s left without a location\n",
		    j->text.files[s->file], s->line, s->column,
		    j->strict ? "" : "warning: ", s->code, s->count,
		    s->count == 1 ? " is" : "s are");
	}
}

static bool
settle(struct job *j)
{
	bool good;

	j->lines = j->text.count;
	good = range_text_settle(&j->text);
	fwrite(buf_cstr(&j->text.mistakes), 1, j->text.mistakes.len, stderr);
	tell_strays(j);
	if (j->text.nmistakes > RANGE_MISTAKES_MAX)
		fprintf(stderr, "... and %zu more mistakes\n",
		    j->text.nmistakes - RANGE_MISTAKES_MAX);
	if (good && j->text.count == 0) {
		fprintf(stderr, "%s: no range with a location\n",
		    j->text.files[0]);
		return false;
	}
	return good && (!j->strict || j->text.nstrays == 0);
}

/* What we make must pass what the service asks. */
static struct mmdb *
make_database(struct job *j, struct err *err)
{
	struct mmdb *db;

	mmdb_write(&j->bytes, &(struct mmdb_source){ .ranges = j->text.ranges,
	    .count = j->text.count, .type = j->type,
	    .description = j->description, .build_epoch = j->epoch });
	db = mmdb_open_bytes(j->bytes.p, j->bytes.len, err);
	if (db == NULL)
		err_wrap(err, "the database made of these ranges is refused");
	return db;
}

/* Beside its place and then into it, so that no reader sees half a file. */
static bool
write_output(const struct job *j)
{
	struct arena *arena = arena_new(0);
	char *temporary = arena_printf(arena, "%s.new-XXXXXX", j->output);
	int fd = mkostemp(temporary, O_CLOEXEC);
	mode_t mask = umask(0);
	bool good = fd >= 0;

	umask(mask);
	good = good && fchmod(fd, 0666 & ~mask) == 0 &&
	    file_write(fd, buf_all(&j->bytes)) && fsync(fd) == 0 &&
	    rename(temporary, j->output) == 0;
	if (!good) {
		fprintf(stderr, "%s: cannot be written: %s\n", j->output,
		    strerror(errno));
		if (fd >= 0)
			unlink(temporary);
	}
	if (fd >= 0)
		close(fd);
	arena_free(&arena);
	return good;
}

static void
tell_result(const struct job *j, const struct mmdb *db)
{
	struct buf b = { .p = NULL };

	if (j->json) {
		buf_text(&b, "{\"database\":");
		geodb_json_info(&b, j->output, db);
		buf_printf(&b, ",\"ranges_read\":%zu,\"ranges_written\":%zu,"
		    "\"unknown_codes\":%zu}\n", j->lines, j->text.count,
		    j->text.nstrays);
	} else {
		buf_printf(&b, "%s: %zu ranges of %zu lines: ", j->output,
		    j->text.count, j->lines);
		geodb_text_info(&b, db);
		buf_char(&b, '\n');
	}
	geodb_print(&b);
	buf_fini(&b);
}

static int
build(struct job *j)
{
	struct mmdb *db;
	struct err err;
	int code;

	if (!read_inputs(j))
		return EXIT_USAGE;
	if (!settle(j))
		return EXIT_FOUND;
	db = make_database(j, &err);
	if (db == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FOUND;
	}
	code = write_output(j) ? EXIT_GOOD : EXIT_USAGE;
	if (code == EXIT_GOOD)
		tell_result(j, db);
	mmdb_close(&db);
	return code;
}

/* SOURCE_DATE_EPOCH: the same input makes the same file on any day. */
static bool
read_epoch(struct job *j, const char *option)
{
	const char *text = option != NULL ? option :
	    getenv("SOURCE_DATE_EPOCH");

	j->epoch = clock_unix_ms() / 1000;
	return text == NULL || slice_to_u64(slice_of(text), &j->epoch);
}

int
geodb_build(int argc, char **argv)
{
	struct job j = { .epoch = 0 };
	const char *epoch = NULL;
	const struct option_spec specs[] = {
		{ "output", 'o', "FILE", "the database to write; needed",
		    .value = &j.output },
		{ "type", 0, "NAME", "what it says of itself (Portolan-Country)",
		    .value = &j.type },
		{ "description", 0, "TEXT", "name source and licence here",
		    .value = &j.description },
		{ "epoch", 0, "SECONDS", "its build date since 1970 (now, or "
		    "SOURCE_DATE_EPOCH)", .value = &epoch },
		{ "strict", 0, NULL, "unknown codes are mistakes, too",
		    .flag = &j.strict },
		{ "json", 0, NULL, "tell the result as JSON", .flag = &j.json },
		{ 0 },
	};
	const struct usage usage = { .command = "geodb build",
	    .operands = "FILE...", .options = specs, .least = 1,
	    .most = RANGE_FILES_MAX, .about =
	    "Makes an MMDB file of text: FIRST,LAST,CC or CIDR,CC a line, IPv4 "
	    "and IPv6,\n# begins a comment, - is standard input. What lies "
	    "inside another range wins;\nranges that overlap otherwise are "
	    "mistakes." };
	int end = options_parse(&usage, argc, argv, &j.files);

	if (end != OPTIONS_GO_ON)
		return end;
	if (j.output == NULL)
		return options_mistake(&usage, "--output is missing");
	if (!read_epoch(&j, epoch))
		return options_mistake(&usage, "the build date is not a number "
		    "of seconds");
	if (j.type == NULL)
		j.type = "Portolan-Country";
	if (j.description == NULL)
		j.description = "Made by portolan geodb build";
	end = build(&j);
	range_text_fini(&j.text);
	buf_fini(&j.bytes);
	return end;
}
