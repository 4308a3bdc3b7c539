/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/map_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

/* From its beginning, wherever its owner's reading or writing stands; it is a
 * memory file, which nobody can make wait. */
static bool
read_content(int fd, struct buf *content, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size <= 0 || st.st_size > MAP_FILE_BYTES)
		return err_set(err, "no map of 1 byte to 1 MiB came with it");
	n = pread(fd, buf_reserve(content, (size_t)st.st_size),
	    (size_t)st.st_size, 0);
	if (n != st.st_size)
		return err_set(err, "the map cannot be read: %s",
		    n < 0 ? strerror(errno) : "it is shorter than it was");
	content->len = (size_t)n;
	return true;
}

static enum replace_end
put(struct replaced *r, const char *path, const char *revision, int fd,
    struct err *err)
{
	struct buf content = { 0 };
	enum replace_end end = REPLACE_FAILED;

	file_replace_keep(r);		/* of a console that ended meanwhile */
	if (read_content(fd, &content, err))
		end = file_replace(r, path, revision, buf_all(&content), err);
	buf_fini(&content);
	if (end == REPLACE_DONE)
		log_info("%s: another region map was written over the "
		    "console", path);
	return end;
}

void
map_file_do(struct replaced *r, const char *path, const char *word, int fd,
    char answer[MAP_FILE_ANSWER])
{
	char revision[REVISION_TEXT] = "";
	struct err err = { .text = "" };
	enum replace_end end = REPLACE_DONE;

	if (strcmp(word, "MAP keep\n") == 0) {
		file_replace_keep(r);
	} else if (strcmp(word, "MAP undo\n") == 0) {
		if (!file_replace_undo(r, &err))
			end = REPLACE_FAILED;
		log_warn("%s: the former region map is %s", path,
		    end == REPLACE_DONE ? "back" : "not back");
	} else {
		sscanf(word, "MAP %32s", revision);
		end = put(r, path, revision, fd, &err);
	}
	if (fd >= 0)
		close(fd);
	snprintf(answer, MAP_FILE_ANSWER, "MAP %s\n%.900s", end == REPLACE_DONE ?
	    "ok" : end == REPLACE_STALE ? "stale" : "failed", err.text);
}
