/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/file.h"

/* The name is on disk once its directory is. */
static void
sync_directory(const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool
state_file_write(const char *path, struct slice bytes, struct err *err)
{
	char temporary[4096];
	bool good;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.%ld", path,
	    (long)getpid()) >= (int)sizeof(temporary))
		return err_set(err, "%s: too long for a file's name", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, "%s: cannot be written: %s", temporary,
		    strerror(errno));
	good = file_write(fd, bytes) && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	if (good && rename(temporary, path) == 0) {
		sync_directory(path);
		return true;
	}
	err_set(err, "%s: cannot be written: %s", path, strerror(errno));
	unlink(temporary);
	return false;
}
