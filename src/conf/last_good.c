/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/last_good.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/file.h"
#include "conf/state_file.h"

enum {
	COPY_BYTES = 64 * 1024,
	LIST_MOST = 4096,
	NAME_MOST = 96,			/* of a copy */
};

static const char *const names[GOOD_FILES] = {
	[GOOD_CONFIG] = "portolan", [GOOD_REGIONS] = "regions",
	[GOOD_RESTRICTIONS] = "restrictions",
	[GOOD_EXPECTATIONS] = "expectations", [GOOD_DATABASE] = "database",
};

void
files_read_note(struct files_read *files, enum good_file which,
    const char *path)
{
	files->of[which].path[0] = '\0';
	if (path == NULL || strlen(path) >= GOOD_PATH_MAX)
		return;
	strcpy(files->of[which].path, path);
	files->of[which].identity = file_identity(path);
}

/* --- writing -------------------------------------------------------------- */

/* Another file, or another state of it, has another name. */
static void
copy_name(const struct files_read *files, size_t which, char name[NAME_MOST])
{
	const struct file_identity *id = &files->of[which].identity;

	snprintf(name, NAME_MOST, "%s-%" PRIx64 "-%" PRIx64 "-%" PRIx64
	    "-%" PRIx64, names[which], id->device, id->inode, id->modified_ns,
	    id->changed_ns);
}

static bool
copy_bytes(int from, int to)
{
	char bytes[COPY_BYTES];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		for (ssize_t at = 0, done; at < n; at += done) {
			done = write(to, bytes + at, (size_t)(n - at));
			if (done <= 0)
				return false;
		}
	return n == 0 && fsync(to) == 0;
}

static bool
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = out >= 0 && copy_bytes(in, out);

	if (in >= 0)
		close(in);
	if (out >= 0)
		good = close(out) == 0 && good;
	return good;
}

/* Under its final name only once it is whole, and what was read. */
static bool
keep_one(const struct files_read *files, size_t which, const char *dir,
    struct err *err)
{
	const char *path = files->of[which].path;
	char name[NAME_MOST], part[GOOD_PATH_MAX + 16], copy[GOOD_PATH_MAX];
	struct file_identity now;

	copy_name(files, which, name);
	if (snprintf(copy, sizeof(copy), "%s/%s", dir, name) >=
	    (int)sizeof(copy))
		return err_set(err, "%s: too long a path", dir);
	if (access(copy, F_OK) == 0)
		return true;
	snprintf(part, sizeof(part), "%s.part", copy);
	if (!copy_file(path, part))
		return err_set(err, "%s: cannot be copied to %s: %s", path,
		    dir, strerror(errno));
	now = file_identity(path);
	if (!file_identity_eq(&now, &files->of[which].identity)) {
		unlink(part);
		return err_set(err, "%s has changed since it was read", path);
	}
	return rename(part, copy) == 0 || err_set(err, "%s: %s", copy,
	    strerror(errno));
}

/* Whatever the list does not name. */
static void
remove_others(const char *dir, struct slice list)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	char path[GOOD_PATH_MAX + 256];

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct slice rest = list, line;
		bool listed = e->d_name[0] == '.' ||
		    strcmp(e->d_name, "list") == 0;

		while (!listed && slice_split(&rest, '\n', &line))
			listed = slice_is(line, e->d_name);
		if (listed)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
}

static bool
keep_all(const struct files_read *files, const char *dir, struct buf *list,
    struct err *err)
{
	char name[NAME_MOST];

	for (size_t i = 0; i < GOOD_FILES; i++) {
		if (files->of[i].path[0] == '\0')
			continue;
		if (!keep_one(files, i, dir, err))
			return false;
		copy_name(files, i, name);
		buf_printf(list, "%s\n", name);
	}
	return true;
}

bool
last_good_keep(const struct files_read *files, const char *state_dir,
    struct err *err)
{
	char dir[GOOD_PATH_MAX - 16], path[GOOD_PATH_MAX];
	struct buf list = { 0 };
	bool good;

	if (snprintf(dir, sizeof(dir), "%s/last-good", state_dir) >=
	    (int)sizeof(dir))
		return err_set(err, "%s: too long a path", state_dir);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, "%s: cannot be made: %s", dir,
		    strerror(errno));
	snprintf(path, sizeof(path), "%s/list", dir);
	good = keep_all(files, dir, &list, err) &&
	    state_file_write(path, buf_all(&list), err);
	if (good)
		remove_others(dir, buf_all(&list));
	buf_fini(&list);
	return good;
}

void
last_good_touch(const char *state_dir)
{
	char path[GOOD_PATH_MAX];

	snprintf(path, sizeof(path), "%s/last-good/list", state_dir);
	utimensat(AT_FDCWD, path, NULL, 0);
}

/* --- finding -------------------------------------------------------------- */

/* "regions-fe01-..." is a copy of the regions. */
static bool
take_name(struct last_good *good, const char *dir, struct slice name)
{
	for (size_t i = 0; i < GOOD_FILES; i++) {
		size_t len = strlen(names[i]);

		if (name.len <= len || memcmp(name.p, names[i], len) != 0 ||
		    name.p[len] != '-' || memchr(name.p, '/', name.len) !=
		    NULL)
			continue;
		snprintf(good->path[i], GOOD_PATH_MAX, "%s/%.*s", dir,
		    SLICE_ARG(name));
		return true;
	}
	return false;
}

bool
last_good_find(struct last_good *good, const char *state_dir, struct err *err)
{
	char dir[GOOD_PATH_MAX - NAME_MOST], path[GOOD_PATH_MAX];
	struct buf list = { 0 };
	struct slice rest, name;
	bool found;

	*good = (struct last_good){ .unix_ms = 0 };
	if (snprintf(dir, sizeof(dir), "%s/last-good", state_dir) >=
	    (int)sizeof(dir))
		return err_set(err, "%s: too long a path", state_dir);
	snprintf(path, sizeof(path), "%s/list", dir);
	found = file_read(&list, path, LIST_MOST, err);
	rest = buf_all(&list);
	while (found && slice_split(&rest, '\n', &name))
		if (name.len > 0)
			found = take_name(good, dir, name) || err_set(err,
			    "%s: names something else", path);
	buf_fini(&list);
	if (found && good->path[GOOD_CONFIG][0] == '\0')
		found = err_set(err, "%s: names no configuration", path);
	good->unix_ms = file_identity(path).modified_ns / 1000000;
	return found;
}
