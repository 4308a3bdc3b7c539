/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command/geodb.h"
#include "command/options.h"

/* Result of one file; the worst of all files is the exit code. */
static int
check_file(struct buf *b, const char *path, bool json)
{
	struct err err = { "" };
	bool readable = access(path, R_OK) == 0;
	struct mmdb *db = mmdb_open(path, &err);

	if (db != NULL && json)
		geodb_json_info(b, path, db);
	else if (db != NULL) {
		buf_printf(b, "%s: good: ", path);
		geodb_text_info(b, db);
		buf_char(b, '\n');
	} else if (json) {
		buf_text(b, "{\"file\":");
		buf_json(b, slice_of(path));
		buf_text(b, ",\"good\":false,\"error\":");
		buf_json(b, slice_of(err.text));
		buf_char(b, '}');
	} else {
		buf_printf(b, "%s\n", err.text);
	}
	mmdb_close(&db);
	return !readable ? EXIT_USAGE : err.text[0] != '\0' ? EXIT_FOUND :
	    EXIT_GOOD;
}

int
geodb_check(int argc, char **argv)
{
	bool json = false;
	const struct option_spec specs[] = {
		{ "json", 0, NULL, "answer as JSON: an array, an object a file",
		    .flag = &json },
		{ 0 },
	};
	const struct usage usage = { .command = "geodb check",
	    .operands = "FILE...", .options = specs, .least = 1, .most = -1,
	    .about = "Reads databases whole and verifies them as the service "
	    "would before\ntaking them: metadata, every node, every record, "
	    "known countries.\nExit code 1 if one is refused, 2 if one cannot be "
	    "read." };
	struct operands files;
	int end = options_parse(&usage, argc, argv, &files);
	struct buf b = { .p = NULL };
	int worst = EXIT_GOOD, code;

	if (end != OPTIONS_GO_ON)
		return end;
	for (int i = 0; i < files.count; i++) {
		if (json)
			buf_char(&b, i == 0 ? '[' : ',');
		code = check_file(&b, files.item[i], json);
		if (code > worst)
			worst = code;
	}
	if (json)
		buf_text(&b, "]\n");
	geodb_print(&b);
	buf_fini(&b);
	return worst;
}
