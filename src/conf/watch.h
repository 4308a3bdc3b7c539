/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether files have changed on disk, and have been quiet since: a database
 * that is still being copied, or a map and its restrictions written one after
 * the other, are read once, when they are done.
 *
 * Asked from any loop's timer, once a second or so.  A file's identity is its
 * device, inode, size, and times of change in nanoseconds: a copy that keeps
 * the old modification time is noticed by its change time.  Names are
 * followed anew each time, so a moved symbolic link counts as well; that, and
 * network file systems, is why no inotify.
 */
#ifndef CONF_WATCH_H
#define CONF_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"

struct watch;

/* What a file looks like now; exists false, and zeroes, where there is none. */
struct file_identity {
	bool		 exists;
	uint64_t	 device, inode, size;
	uint64_t	 modified_ns, changed_ns;
};

struct file_identity file_identity(const char *path);
bool file_identity_eq(const struct file_identity *a,
    const struct file_identity *b);

/* Nothing is watched at first. */
struct watch *watch_new(uint64_t settle_ms);
void watch_free(struct watch **watch);

/* As it is now counts as seen.  The path is copied. */
void watch_add(struct watch *watch, const char *path);

/* The map, restrictions, expectations and database of a configuration,
 * instead of what was watched before; those that stay keep their state. */
void watch_config(struct watch *watch, const struct config *config);

/*
 * True once for each change, or burst of changes, that settle_ms have passed
 * since.  A file that is gone is no change: its successor will be.
 * now_ms: monotonic.
 */
bool watch_due(struct watch *watch, uint64_t now_ms);

/* A file that the last true answer was about, for the log. */
const char *watch_changed(const struct watch *watch);

#endif
