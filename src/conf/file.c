/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "net/lent_files.h"

enum { CHUNK_BYTES = 64 * 1024 };

static bool
read_all(struct buf *out, int fd, size_t limit_bytes, struct err *err)
{
	size_t start = out->len;

	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, CHUNK_BYTES),
		    CHUNK_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, "cannot be read: %s",
			    strerror(errno));
		if (n == 0)
			return true;
		out->len += (size_t)n;
		if (out->len - start > limit_bytes)
			return err_set(err, "has more than %zu KiB",
			    limit_bytes / 1024);
	}
}

bool
file_read(struct buf *out, const char *path, size_t limit_bytes,
    struct err *err)
{
	int fd = lent_file_open(path);
	bool ok;

	if (fd < 0)
		return err_set(err, "cannot be opened: %s", strerror(errno));
	ok = read_all(out, fd, limit_bytes, err);
	close(fd);
	return ok;
}

bool
file_write(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

const char *
file_dir(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	if (slash == path)
		return "/";
	return arena_copy(arena, (struct slice){ path,
	    (size_t)(slash - path) });
}

const char *
file_beside(struct arena *arena, const char *dir, const char *name)
{
	/* Messages name files as a person would: without "./". */
	if (name[0] == '/' || strcmp(dir, ".") == 0)
		return arena_strdup(arena, name);
	if (strcmp(dir, "/") == 0)
		return arena_printf(arena, "/%s", name);
	return arena_printf(arena, "%s/%s", dir, name);
}

const char *
file_from_root(struct arena *arena, const char *path)
{
	char dir[PATH_MAX];

	if (path == NULL || path[0] == '/' ||
	    getcwd(dir, sizeof(dir)) == NULL)
		return path;
	return arena_printf(arena, "%s/%s", dir, path);
}
