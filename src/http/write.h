/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * HTTP/1.1 messages written into a buffer, for whoever serves or forwards.
 * Nothing that stands in a value can end its line: control characters become
 * spaces (RFC 9110 5.5).
 */
#ifndef HTTP_WRITE_H
#define HTTP_WRITE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/h1.h"

/* reason as an upstream gave it; where it is empty, the usual phrase. */
void h1_write_status_line(struct buf *out, unsigned status,
    struct slice reason);

/* name must be a token. */
void h1_write_field(struct buf *out, struct slice name, struct slice value);

/* The empty line. */
void h1_write_end(struct buf *out);

/* The last chunk and whole trailer lines, as h1_chunked_read() gives them. */
void h1_write_last_chunk(struct buf *out, struct slice trailers);

/*
 * The Date of now, made anew once a second; one struct a thread, zeroed at
 * first.
 */
struct h1_date {
	uint64_t	 second;
	char		 text[CLOCK_TEXT_MAX];
};

struct slice h1_date(struct h1_date *date, uint64_t unix_ms);

#endif
