/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 128 * 1024 };

static bool
set_errno(struct err *err, const char *what)
{
	return err_set(err, "cannot %s: %s", what, strerror(errno));
}

/* An anonymous file of the right size, mapped for writing. */
static uint8_t *
scratch_open(struct sealed *sealed, size_t len, struct err *err)
{
	void *p = MAP_FAILED;

	sealed->fd = memfd_create("portolan-geo", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING);
	if (sealed->fd >= 0 && ftruncate(sealed->fd, (off_t)len) == 0)
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
		    sealed->fd, 0);
	if (p == MAP_FAILED) {
		set_errno(err, "get private memory");
		sealed_free(sealed);
		return NULL;
	}
	sealed->len = len;
	return p;
}

/* The seal on writing only takes once no writable mapping is left. */
static bool
scratch_seal(struct sealed *sealed, uint8_t *p, struct err *err)
{
	void *mapped;

	munmap(p, sealed->len);
	if (fcntl(sealed->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		set_errno(err, "seal private memory");
		sealed_free(sealed);
		return false;
	}
	mapped = mmap(NULL, sealed->len, PROT_READ, MAP_PRIVATE, sealed->fd, 0);
	if (mapped == MAP_FAILED) {
		set_errno(err, "map private memory");
		sealed_free(sealed);
		return false;
	}
	sealed->p = mapped;
	return true;
}

/* In pieces: where a core is shared, the kernel gives way between two calls.
 * False if the file ends early or cannot be read. */
static bool
read_whole(int fd, uint8_t *p, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		size_t piece = len - done < PIECE ? len - done : PIECE;
		ssize_t n = pread(fd, p + done, piece, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return set_errno(err, "read it");
		if (n == 0)
			return err_set(err,
			    "it became shorter while it was read: try again "
			    "when whoever writes it is done");
		done += (size_t)n;
	}
	return true;
}

static bool
is_readable(const struct stat *st, size_t limit, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, "it is not a regular file");
	if (st->st_size == 0)
		return err_set(err, "the file is empty: an interrupted "
		    "download? fetch it again");
	if ((uint64_t)st->st_size > limit)
		return err_set(err, "%lld bytes are more than the limit of %zu",
		    (long long)st->st_size, limit);
	return true;
}

static bool
is_unchanged(int fd, const struct stat *before, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return set_errno(err, "look at it again");
	if (st.st_size != before->st_size ||
	    st.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return err_set(err, "it changed while it was read: try again "
		    "when whoever writes it is done");
	return true;
}

static bool
copy_file(struct sealed *sealed, int fd, size_t limit, struct err *err)
{
	struct stat st;
	uint8_t *p;

	if (fstat(fd, &st) != 0)
		return set_errno(err, "look at it");
	if (!is_readable(&st, limit, err))
		return false;
	p = scratch_open(sealed, (size_t)st.st_size, err);
	if (p == NULL)
		return false;
	if (!read_whole(fd, p, sealed->len, err) ||
	    !is_unchanged(fd, &st, err)) {
		munmap(p, sealed->len);
		sealed_free(sealed);
		return false;
	}
	return scratch_seal(sealed, p, err);
}

/* O_NONBLOCK: a FIFO in the file's place is refused, not waited for. */
bool
sealed_read(struct sealed *sealed, const char *path, size_t limit,
    struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool good;

	*sealed = (struct sealed){ .fd = -1 };
	if (fd < 0)
		return set_errno(err, "open it");
	good = copy_file(sealed, fd, limit, err);
	close(fd);
	return good;
}

bool
sealed_copy(struct sealed *sealed, const void *bytes, size_t len,
    struct err *err)
{
	uint8_t *p;

	*sealed = (struct sealed){ .fd = -1 };
	if (len == 0)
		return err_set(err, "there are no bytes");
	p = scratch_open(sealed, len, err);
	if (p == NULL)
		return false;
	memcpy(p, bytes, len);
	return scratch_seal(sealed, p, err);
}

void
sealed_free(struct sealed *sealed)
{
	union {
		const uint8_t	*read_only;
		void		*p;
	} mapped = { sealed->p };

	if (sealed->p != NULL)
		munmap(mapped.p, sealed->len);
	if (sealed->fd >= 0)
		close(sealed->fd);
	*sealed = (struct sealed){ .fd = -1 };
}

const char *
sealed_path(const struct sealed *sealed, char path[SEALED_PATH_MAX])
{
	snprintf(path, SEALED_PATH_MAX, "/proc/self/fd/%d", sealed->fd);
	return path;
}
