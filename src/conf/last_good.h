/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Copies of the files of the generation in service, so that an edge that
 * crashes while one of them is broken can start again.  They lie in
 * STATE_DIR/last-good (0700), named by what they are copies of, beside a list
 * of those that belong together: that is replaced last, at once, so the copies
 * are always one generation's.  Certificates and keys are not copied: secrets
 * stay where their owner has put them.
 */
#ifndef CONF_LAST_GOOD_H
#define CONF_LAST_GOOD_H

#include "base/err.h"
#include "conf/watch.h"

enum good_file {
	GOOD_CONFIG, GOOD_REGIONS, GOOD_RESTRICTIONS, GOOD_EXPECTATIONS,
	GOOD_DATABASE, GOOD_FILES
};

enum { GOOD_PATH_MAX = 1024 };

/* What a generation was read from. */
struct files_read {
	struct {
		char	 path[GOOD_PATH_MAX];	/* "": no such file is named */
		struct file_identity identity;	/* before it was read */
	} of[GOOD_FILES];
};

/* Before reading.  path NULL: there is none. */
void files_read_note(struct files_read *files, enum good_file which,
    const char *path);

/*
 * Copies what has not been copied yet.  False, with the copies that were
 * there still whole, if something cannot be written or a file has changed
 * since it was read.  Any one thread; takes as long as a disk does.
 */
bool last_good_keep(const struct files_read *files, const char *state_dir,
    struct err *err);

struct last_good {
	char		 path[GOOD_FILES][GOOD_PATH_MAX];	/* "": none */
	uint64_t	 unix_ms;	/* when its restrictions were last known to
					   be all there is */
};

bool last_good_find(struct last_good *good, const char *state_dir,
    struct err *err);

/* The restrictions of the copies are still all there is. */
void last_good_touch(const char *state_dir);

#endif
