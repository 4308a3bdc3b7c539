/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A place that lines go to: a file, a pipe, or syslog (RFC 5424) over a UNIX
 * or UDP datagram socket or TCP (RFC 6587, octets counted), or a collector of
 * spans (otlp.h).  The writer's
 * thread alone uses it, once it is open.
 */
#ifndef EDGE_LOG_OUT_H
#define EDGE_LOG_OUT_H

#include "base/err.h"
#include "conf/config.h"
#include "edge/log_ring.h"

struct log_names;

enum log_out_end {
	LOG_OUT_DONE,			/* all of it was taken */
	LOG_OUT_FULL,			/* poll fd for more room */
	LOG_OUT_BROKEN,			/* fd is closed, errno says why: open it
					   again later */
};

struct log_out {
	enum log_target	 target;
	const char	*path;		/* a file's */
	struct endpoint	 address;	/* syslog's, or a collector's */
	struct log_names *names;	/* for one that is a name */
	struct addr	 at;		/* what the name was when fd was opened */
	bool		 looking;	/* log_out_open() failed for want of an
					   answer, which will come */
	int		 fd;		/* -1: none */
	uint8_t		 kind;		/* private */
	const char	*region;	/* of a collector's spans */
	uint64_t	 lost;		/* lines, given up one by one */
	uint64_t	 delivered;	/* spans that a collector has taken */
	size_t		 frame_len, frame_done;	/* of TCP */
	char		 frame[LOG_ROOM + 16];
};

/* False and *err if it cannot be; out->fd is -1 then. */
bool log_out_open(struct log_out *out, struct err *err);
void log_out_close(struct log_out *out);

/* Datagrams to a name that leads elsewhere by now go there from here on.  A
 * connection is kept as long as it takes lines. */
void log_out_follow(struct log_out *out);

/* Whole lines; *done of them are through already, and more are afterwards. */
enum log_out_end log_out_write(struct log_out *out, struct slice lines,
    size_t *done);

#endif
