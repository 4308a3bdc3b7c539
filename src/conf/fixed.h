/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a reload cannot change, because it is used up by the time that the
 * service stands: how many threads there are, whom they run as, where the
 * sockets between our own processes lie.  Whoever changes such a line is told
 * that it waits for a restart.
 */
#ifndef CONF_FIXED_H
#define CONF_FIXED_H

#include "base/buf.h"
#include "conf/config.h"

enum { FIXED_SETTINGS = 7 };

struct fixed_settings {
	char		 value[FIXED_SETTINGS][ENDPOINT_TEXT];
};

/* Threads of the edge: as many as the file says, or as there are cores; at
 * most CONFIG_THREADS_MAX. */
unsigned config_threads(const struct config *config);

/* threads: as many as there are, or would be. */
void fixed_settings_read(struct fixed_settings *settings,
    const struct config *config, unsigned threads);

/* Appends a line for each setting that differs; how many did. */
unsigned fixed_settings_compare(const struct fixed_settings *started,
    const struct config *now, struct buf *out);

#endif
