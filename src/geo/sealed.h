/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A private copy of bytes that nothing can change any more, not even this
 * process: an anonymous file, written once, sealed, mapped read-only.  What
 * happens to the original afterwards cannot touch it.
 */
#ifndef GEO_SEALED_H
#define GEO_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SEALED_PATH_MAX = 32 };

struct sealed {
	const uint8_t	*p;		/* NULL where nothing is held */
	size_t		 len;
	int		 fd;
};

/*
 * Reads a regular file of 1 .. limit bytes.  False, with *err saying what is
 * wrong, also if the file changes while it is read.
 */
bool sealed_read(struct sealed *sealed, const char *path, size_t limit,
    struct err *err);
bool sealed_copy(struct sealed *sealed, const void *bytes, size_t len,
    struct err *err);
void sealed_free(struct sealed *sealed);

/* For libraries that only open paths; good as long as the copy is held. */
const char *sealed_path(const struct sealed *sealed,
    char path[SEALED_PATH_MAX]);

#endif
