/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One line a request: a JSON object, or the `combined` of other servers;
 * behind a head of syslog's (RFC 5424) where it goes there.
 */
#ifndef EDGE_ACCESS_LINE_H
#define EDGE_ACCESS_LINE_H

#include "base/addr.h"
#include "conf/config.h"
#include "geo/region_map.h"

enum {
	ACCESS_LINE_MAX = 4096,		/* PIPE_BUF: a line is never torn */
	SYSLOG_HEAD_MAX = 400,		/* before it */
	SYSLOG_FACILITY = 8,		/* a step of the priority ... */
	SYSLOG_INFO = 6,		/* ... and the severity in it */
};

/* How lines are written; as long-lived as the log. */
struct access_style {
	enum log_format	 format;
	enum address_form addresses;
	const uint8_t	*address_key;	/* 16 bytes; for hashed ones */
	struct slice	 syslog_before;	/* the time; empty: no head */
	struct slice	 syslog_after;
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
	const char	*class;		/* of place, which counts with it alone */
	struct place	 place;
	struct slice	 host, method, path, query;
	const char	*protocol;		/* "HTTP/2.0" */
	/* The client's: its fingerprint, subject and alternative names. */
	struct slice	 certificate, certificate_subject, certificate_names;
	struct slice	 referer, agent;	/* for `combined` alone, as is ... */
	uint64_t	 body_bytes;		/* ... of the answer, sent */
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
	uint64_t	 queue_us;	/* waiting for a place; 0: did not */
	uint64_t	 head_us, hold_us, connect_us, response_us, total_us;
};

/*
 * Writes one line, its end included, of at most ACCESS_LINE_MAX bytes and
 * syslog's head; returns its length.
 */
size_t access_line(char *room, const struct access_record *record,
    const struct access_style *style);

/*
 * As lines tell it: in full, the network of its first 24 or 48 bits, or a
 * hash under a key ("_" and 16 digits).
 */
const char *access_address(const struct addr *addr,
    const struct access_style *style, char text[ADDR_TEXT_MAX]);

#endif
