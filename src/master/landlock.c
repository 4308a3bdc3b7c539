/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

#define FIRST_RIGHTS	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READING		(LANDLOCK_ACCESS_FS_READ_FILE | \
			    LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING		(READING | LANDLOCK_ACCESS_FS_WRITE_FILE | \
			    LANDLOCK_ACCESS_FS_TRUNCATE | \
			    LANDLOCK_ACCESS_FS_REMOVE_FILE | \
			    LANDLOCK_ACCESS_FS_REMOVE_DIR | \
			    LANDLOCK_ACCESS_FS_MAKE_REG | \
			    LANDLOCK_ACCESS_FS_MAKE_DIR | \
			    LANDLOCK_ACCESS_FS_MAKE_SOCK)
/* What makes sense for a file that is no directory. */
#define OF_FILES	(LANDLOCK_ACCESS_FS_EXECUTE | \
			    LANDLOCK_ACCESS_FS_READ_FILE | \
			    LANDLOCK_ACCESS_FS_WRITE_FILE | \
			    LANDLOCK_ACCESS_FS_TRUNCATE)

/* All rights that this version of the kernel's knows. */
static unsigned long long
rights_of(int version)
{
	unsigned long long rights = FIRST_RIGHTS;

	if (version >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (version >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

void
landlock_begin(struct landlock *l)
{
	struct landlock_ruleset_attr attr = { 0 };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	*l = (struct landlock){ .fd = -1 };
	if (version <= 0)
		return;
	l->handled = rights_of((int)version);
	attr.handled_access_fs = l->handled;
	l->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0);
	if (l->fd >= 0)
		l->version = (int)version;
}

static void
allow(const struct landlock *l, const char *path, unsigned long long rights)
{
	struct landlock_path_beneath_attr attr = { 0 };
	struct stat st;
	int fd;

	if (l->fd < 0)
		return;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= OF_FILES;
	attr.allowed_access = rights & l->handled;
	attr.parent_fd = fd;
	/* What cannot be allowed is refused later, and told then. */
	syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH,
	    &attr, 0);
	close(fd);
}

void
landlock_read(const struct landlock *l, const char *path)
{
	allow(l, path, READING);
}

void
landlock_write(const struct landlock *l, const char *path)
{
	allow(l, path, WRITING);
}

bool
landlock_enter(struct landlock *l, struct err *err)
{
	bool good;

	if (l->fd < 0)
		return true;
	good = syscall(SYS_landlock_restrict_self, l->fd, 0) == 0;
	if (!good)
		err_set(err, "Landlock: %s", strerror(errno));
	close(l->fd);
	l->fd = -1;
	return good;
}
