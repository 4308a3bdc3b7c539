/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The access log: one JSON object a line and request.  Each worker collects
 * lines in a buffer of its own and writes it when it is full or a second old.
 * A log that takes nothing (a pipe nobody reads) never holds up a request:
 * lines are dropped and counted then.
 */
#ifndef EDGE_ACCESS_LOG_H
#define EDGE_ACCESS_LOG_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "geo/region_map.h"

enum {
	ACCESS_LINE_MAX = 4096,		/* PIPE_BUF: a line is never torn */
	ACCESS_FLUSH = 64 * 1024,
};

struct access_log {
	char		*path;		/* a file, "stdout", or NULL: off */
	int		 fd;		/* -1: none */
	uint8_t		 kind;		/* private */
	struct buf	 waiting;	/* whole lines */
	_Atomic uint64_t dropped;	/* lines; this worker writes, all read */
};

/* What a line says.  Slices need to live through the call only; the empty
 * ones and the NULLs are left out. */
struct access_record {
	uint64_t	 unix_ms;
	struct slice	 request_id, trace_id;
	const char	*listener;
	const struct addr *peer, *client;
	const struct addr *relay;	/* who told of the peer by PROXY header */
	const char	*vpc_endpoint;	/* and told this as well; letters,
					   digits and hyphens */
	const char	*client_source;
	struct place	 place;
	struct slice	 host, method, path, query;
	const char	*path_class, *flow_knowledge;
	unsigned	 status;
	uint64_t	 received_bytes, sent_bytes;
	struct slice	 frontend, backend;
	const char	*engine;	/* name of the upstream */
	const char	*outcome;	/* "forward", "access-denied" ... */
	const char	*reason;	/* "country", "host"; or the syntax rule */
	const struct source_line *rule;
	const char	*limit;		/* that it met, or would have */
	const char	*tenant_restriction, *flow_restriction;
	struct slice	 tester;	/* who was told the reasons */
	uint64_t	 generation, db_epoch;
	unsigned	 attempts;
	char		 termination[3];
	/* microseconds: reading the head, holding the body, connecting, until
	 * the answer's head, all of it; UINT64_MAX: did not come to it */
	uint64_t	 head_us, hold_us, connect_us, response_us, total_us;
};

/* Appends one line, its end included, of at most ACCESS_LINE_MAX bytes. */
void access_line(struct buf *out, const struct access_record *record);

/* Opens path ("stdout", a file, NULL for none), if it is not open already.
 * What waits is written first. */
bool access_log_open(struct access_log *log, const char *path,
    struct err *err);
/* After the file was renamed: the same path anew. */
void access_log_reopen(struct access_log *log);
void access_log_add(struct access_log *log,
    const struct access_record *record);
void access_log_flush(struct access_log *log);
void access_log_close(struct access_log *log);

#endif
