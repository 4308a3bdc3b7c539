/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the files of the head parser share; nobody else includes it.
 */
#ifndef HTTP_H1_PARSE_H
#define HTTP_H1_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/chars.h"
#include "http/h1.h"

struct h1_parse {
	struct h1_head	*head;
	struct h1_end	*end;
	struct slice	 bytes;		/* never more than H1_HEAD_MAX */
	size_t		 at;		/* where the next line begins */
	uint64_t	 twice;		/* a bit for each id seen again */
	uint16_t	 lines;		/* field lines, dropped ones too */
	bool		 clean;		/* the last line has no controls */
	bool		 response;
	enum h1_method	 asked;		/* a response's request */
	/* of an absolute-form or CONNECT target */
	struct slice	 authority;
	uint16_t	 authority_port;	/* where it names none */
};

/* Writes *p->end; where points into p->bytes.  Always H1_REFUSED. */
enum h1_progress h1_refuse(struct h1_parse *p, enum h1_rule rule,
    const char *where);

/*
 * One field line without its end.  *underscore tells whether the name holds
 * one.  H1_OK, or why not, with the offset in the line in *at.
 */
enum h1_rule h1_field_line(struct h1_field *field, struct slice line,
    bool *underscore, size_t *at);

/* The same for a good line as nearly all are, in which no control is known to
 * stand; false for others, which may be good all the same. */
bool h1_usual_field(struct h1_field *field, struct slice line);

/* What the fields say together: framing, host, connection. */
enum h1_progress h1_understand(struct h1_parse *p);

/* As field_identify(), from as much of the lower-case name as fits. */
enum { FIELD_LOW = CHARS_NAME };
enum field_id field_identify_low(const char low[FIELD_LOW], size_t len);

/* Whether a name would be one of ours to whoever takes _ for -. */
bool field_spoofs(struct slice name);

/* Never passed on, named by Connection or not. */
static inline bool
field_is_hop(enum field_id id)
{
	const uint64_t hops = 1ull << FIELD_CONNECTION |
	    1ull << FIELD_KEEP_ALIVE | 1ull << FIELD_PROXY_AUTHENTICATE |
	    1ull << FIELD_PROXY_AUTHORIZATION |
	    1ull << FIELD_PROXY_CONNECTION | 1ull << FIELD_TE |
	    1ull << FIELD_TRANSFER_ENCODING | 1ull << FIELD_UPGRADE;

	return (hops >> id & 1) != 0;
}

#endif
