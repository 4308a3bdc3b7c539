/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Files that the configuration names: where they are, and whole in memory.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Appends the file's bytes to out; false, with *err saying why, if it cannot
 * be read or has more than limit_bytes.  What the master lends is read so
 * (net/lent_files.h). */
bool file_read(struct buf *out, const char *path, size_t limit_bytes,
    struct err *err);

/* All of the bytes; false, with errno set, if they do not go. */
bool file_write(int fd, struct slice bytes);

/* The directory of a file: "." for a bare name. */
const char *file_dir(struct arena *arena, const char *path);

/* A name that a file in dir gives: absolute, or relative to dir. */
const char *file_beside(struct arena *arena, const char *dir,
    const char *name);

/* The same file, named from the root on; path may be NULL. */
const char *file_from_root(struct arena *arena, const char *path);

#endif
