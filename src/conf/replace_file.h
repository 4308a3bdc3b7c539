/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Another content for a file that people edit, too: whole or not at all,
 * whatever ends the process meanwhile; its mode and owner stay; and what was
 * there before can be brought back until the new is known to be good.
 *
 * The content that is expected there is told by its revision: a digest, by
 * which two who edit the file notice each other.
 */
#ifndef CONF_REPLACE_FILE_H
#define CONF_REPLACE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { REVISION_TEXT = 33 };		/* 32 hexadecimal digits */

/* Of a content; the same in each process. */
void revision_of(struct slice bytes, char text[REVISION_TEXT]);

enum replace_end {
	REPLACE_DONE,
	REPLACE_STALE,			/* another revision stands there */
	REPLACE_FAILED,
};

/* A zeroed one holds nothing. */
struct replaced {
	int		 dir;		/* its directory, if pending */
	bool		 pending;
	char		 name[256], before[256];	/* in dir: the file, and what was */
	char		 revision[REVISION_TEXT];	/* of what we wrote */
};

/*
 * revision "*": whatever is there.  A file that is not there, or is none (a
 * symbolic link, which somebody has put there for a reason), is a failure.
 * Unless DONE nothing has changed, and *err says why.
 */
enum replace_end file_replace(struct replaced *r, const char *path,
    const char *revision, struct slice bytes, struct err *err);

/* After DONE exactly one of these: what was is forgotten, or is there again
 * (false: somebody has changed the file since, or it cannot be had). */
void file_replace_keep(struct replaced *r);
bool file_replace_undo(struct replaced *r, struct err *err);

#endif
