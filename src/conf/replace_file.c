/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hmac.h"
#include "conf/file.h"

enum { FILE_BYTES = 8 * 1024 * 1024, CHUNK = 65536 };

void
revision_of(struct slice bytes, char text[REVISION_TEXT])
{
	uint8_t mac[HMAC_BYTES];

	/* The key is no secret: it keeps this digest apart from others. */
	hmac_sha256(SLICE("portolan revision"), bytes, mac);
	for (size_t i = 0; i < (REVISION_TEXT - 1) / 2; i++)
		snprintf(text + 2 * i, 3, "%02x", mac[i]);
}

/* --- what is there ----------------------------------------------------------- */

static bool
read_all(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_reserve(out, CHUNK), CHUNK)) > 0) {
		out->len += (size_t)n;
		if (out->len > FILE_BYTES) {
			errno = EFBIG;
			return false;
		}
	}
	return n == 0;
}

static enum replace_end
cannot(const struct replaced *r, const char *what, struct err *err)
{
	err_set(err, "%s: %s: %s", r->name, what, strerror(errno));
	return REPLACE_FAILED;
}

static enum replace_end
compare(const struct replaced *r, int fd, const char *revision,
    struct err *err)
{
	struct buf there = { 0 };
	char found[REVISION_TEXT];
	bool read = read_all(fd, &there);

	revision_of(buf_all(&there), found);
	buf_fini(&there);
	if (!read)
		return cannot(r, "cannot be read", err);
	if (strcmp(revision, "*") == 0 || strcmp(revision, found) == 0)
		return REPLACE_DONE;
	err_set(err, "%s: somebody has changed the file: its revision is %s, "
	    "that in service %s", r->name, found, revision);
	return REPLACE_STALE;
}

static enum replace_end
look(const struct replaced *r, const char *revision, struct stat *st,
    struct err *err)
{
	enum replace_end end;
	int fd;

	if (fstatat(r->dir, r->name, st, AT_SYMLINK_NOFOLLOW) != 0)
		return cannot(r, "cannot be looked at", err);
	if (!S_ISREG(st->st_mode)) {
		err_set(err, "%s: is %s, which is not replaced: change what "
		    "makes it, and reload", r->name, S_ISLNK(st->st_mode) ?
		    "a symbolic link" : "no regular file");
		return REPLACE_FAILED;
	}
	fd = openat(r->dir, r->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK);
	if (fd < 0)
		return cannot(r, "cannot be read", err);
	end = compare(r, fd, revision, err);
	close(fd);
	return end;
}

/* --- what is to be there ------------------------------------------------------ */

/* The same to whoever reads it: those of before.  The owner first, since a
 * change of it takes bits of the mode away. */
static bool
dress(int fd, const struct stat *as)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if ((st.st_uid != as->st_uid || st.st_gid != as->st_gid) &&
	    fchown(fd, as->st_uid, as->st_gid) != 0)
		return false;
	return fchmod(fd, as->st_mode & 07777) == 0;
}

/* A hidden name beside it that nobody else has; false if it were too long. */
static bool
name_beside(const struct replaced *r, char name[256], const char *end)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	return snprintf(name, 256, ".%s.%016" PRIx64 "%s", r->name, random,
	    end) < 256;
}

static bool
write_new(struct replaced *r, const char *name, const struct stat *as,
    struct slice bytes)
{
	bool good;
	int fd = openat(r->dir, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	good = file_write(fd, bytes) && dress(fd, as) && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

/* Both the new and the former content have a name before the name that counts
 * goes over from the one to the other. */
static bool
exchange(const struct replaced *r, const char *new)
{
	if (linkat(r->dir, r->name, r->dir, r->before, 0) != 0)
		return false;
	if (renameat(r->dir, new, r->dir, r->name) == 0) {
		if (fsync(r->dir) == 0)
			return true;
		renameat(r->dir, r->before, r->dir, r->name);
	}
	unlinkat(r->dir, r->before, 0);
	return false;
}

static enum replace_end
replace(struct replaced *r, const char *revision, struct slice bytes,
    struct err *err)
{
	char new[256];
	struct stat st;
	enum replace_end end = look(r, revision, &st, err);
	int why;

	if (end != REPLACE_DONE)
		return end;
	if (!name_beside(r, new, ".new") ||
	    !name_beside(r, r->before, ".before")) {
		err_set(err, "%s: no name for a file beside it", r->name);
		return REPLACE_FAILED;
	}
	if (write_new(r, new, &st, bytes) && exchange(r, new))
		return REPLACE_DONE;
	why = errno;
	unlinkat(r->dir, new, 0);
	errno = why;
	return cannot(r, "cannot be replaced by the master process (its user "
	    "has to be able to write the directory; under systemd name that "
	    "in ReadWritePaths=)", err);
}

enum replace_end
file_replace(struct replaced *r, const char *path, const char *revision,
    struct slice bytes, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];
	enum replace_end end;

	*r = (struct replaced){ .pending = false };
	revision_of(bytes, r->revision);
	snprintf(r->name, sizeof(r->name), "%s", slash == NULL ? path :
	    slash + 1);
	snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0) {
		err_set(err, "%s: %s", dir, strerror(errno));
		return REPLACE_FAILED;
	}
	end = replace(r, revision, bytes, err);
	r->pending = end == REPLACE_DONE;
	if (!r->pending)
		close(r->dir);
	return end;
}

/* --- afterwards -------------------------------------------------------------- */

void
file_replace_keep(struct replaced *r)
{
	if (!r->pending)
		return;
	unlinkat(r->dir, r->before, 0);
	close(r->dir);
	r->pending = false;
}

bool
file_replace_undo(struct replaced *r, struct err *err)
{
	struct stat st;
	bool good;

	if (!r->pending)
		return err_set(err, "nothing has been replaced");
	good = look(r, r->revision, &st, err) == REPLACE_DONE;
	if (!good)
		err_set(err, "%s: somebody else has changed the file "
		    "meanwhile; what was there before is in %s", r->name,
		    r->before);
	else if (renameat(r->dir, r->before, r->dir, r->name) != 0)
		good = err_set(err, "%s: what was there before stays in %s: "
		    "%s", r->name, r->before, strerror(errno));
	else
		fsync(r->dir);
	close(r->dir);
	r->pending = false;
	return good;
}
