/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The access logs of one configuration: each has its form and its place.  The
 * places are the writer's, and outlive the configuration.
 */
#ifndef EDGE_ACCESS_LOG_H
#define EDGE_ACCESS_LOG_H

#include "base/arena.h"
#include "edge/access_line.h"
#include "edge/log_writer.h"

struct access_logs {
	unsigned	 count;
	bool		 agents;	/* a line tells the client's program */
	struct access_log {
		struct log_sink	*sink;
		struct access_style style;
	}		 list[CONFIG_ACCESS_MAX];
};

/* Control thread.  False, with *err and none taken, if a log cannot be
 * opened; what is config's must live as long as the logs. */
bool access_logs_take(struct access_logs *logs, struct arena *arena,
    struct log_writer *writer, const struct config *config, struct err *err);
void access_logs_release(struct access_logs *logs, struct log_writer *writer);

/* A line for each; by the thread of worker. */
void access_logs_add(const struct access_logs *logs, unsigned worker,
    const struct access_record *record);

/* What was added goes on its way. */
void access_logs_flush(const struct access_logs *logs, unsigned worker);

#endif
