/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A thread that writes access logs, or delivers spans, so that no loop ever
 * waits for a disk, a pipe or a syslog daemon.  Each worker has a ring of
 * blocks (log_ring.h) for each place that lines go to: it fills a block, hands
 * it over when it is full or a second old, and gets it back empty.
 *
 * A place is kept by name: a reload that names it again finds it with its
 * lines, its descriptor and its losses.
 */
#ifndef EDGE_LOG_WRITER_H
#define EDGE_LOG_WRITER_H

#include "base/err.h"
#include "conf/config.h"
#include "edge/log_ring.h"

struct log_writer;
struct log_sink;

/* --- control thread --------------------------------------------------------- */

struct log_writer *log_writer_new(unsigned nworkers);

/* No worker runs any more.  What waits is written, if that takes no more than
 * a moment. */
void log_writer_free(struct log_writer **writer);

/* NULL and *err if it is a file that cannot be written.  What may come back
 * (a daemon, a pipe's reader) is waited for. */
struct log_sink *log_sink_take(struct log_writer *writer,
    const struct config_access *config, struct err *err);
void log_sink_release(struct log_writer *writer, struct log_sink *sink);

/* Lines that were lost since the start. */
uint64_t log_writer_dropped(struct log_writer *writer);
/* Spans that collectors have taken. */
uint64_t log_writer_delivered(struct log_writer *writer);

/* --- any thread -------------------------------------------------------------- */

/* Files are opened anew, after what was handed over is written. */
void log_writer_reopen(struct log_writer *writer);

/* --- the worker's thread ------------------------------------------------------- */

/* Room for LOG_ROOM bytes; NULL: the line is lost, and counted. */
char *log_sink_room(struct log_sink *sink, unsigned worker);
void log_sink_added(struct log_sink *sink, unsigned worker, size_t len);
void log_sink_flush(struct log_sink *sink, unsigned worker);

#endif
