/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Header fields of HTTP/2 written as a head of HTTP/1.1 and back (RFC 9113 8).
 * One parser then says what a request means, whichever way it came; and
 * nothing can stand in its text that ends a line of it.
 */
#ifndef HTTP_H2_TEXT_H
#define HTTP_H2_TEXT_H

#include "base/buf.h"
#include "http/h1.h"

/* Of all fields together, as RFC 9113 6.5.2 counts them: a little more than
 * what h1_read_request() takes, so that one place refuses. */
enum { H2_LIST_MAX = H1_HEAD_MAX + 32 * H1_FIELDS_MAX };

enum h2_pseudo {
	H2_METHOD, H2_SCHEME, H2_AUTHORITY, H2_PATH, H2_PROTOCOL, H2_STATUS,
	H2_PSEUDOS
};

enum h2_text_kind { H2_TEXT_REQUEST, H2_TEXT_RESPONSE, H2_TEXT_TRAILERS };

/* A header section as it arrives; zeroed at first. */
struct h2_text {
	struct buf	 buf;		/* pseudo-fields, then the text */
	struct {
		uint32_t at, len;
	} pseudo[H2_PSEUDOS];
	uint8_t		 seen;		/* bits of them */
	enum h2_text_kind kind;
	bool		 lined;		/* the start line is written */
	bool		 has_host, has_length, takes_trailers;
	bool		 too_large;
	size_t		 text_at;
	size_t		 cookie_end;	/* where crumbs join it; 0: none yet */
	size_t		 list_bytes;
};

void h2_text_begin(struct h2_text *t, enum h2_text_kind kind);

/* The next field.  False: the message is malformed (RFC 9113 8.1.1). */
bool h2_text_field(struct h2_text *t, struct slice name, struct slice value);

/*
 * The whole: a head for h1_read_request() or h1_read_response(), or trailer
 * lines without the forbidden ones.  ended: no body follows (an answer's head
 * does not say so, where it tells no length).  False as above.
 * key: of an extended CONNECT (RFC 8441), becomes Sec-WebSocket-Key.
 */
bool h2_text_end(struct h2_text *t, bool ended, struct slice key,
    struct slice *text);

/* What a pseudo-field said; p NULL where there was none. */
struct slice h2_text_pseudo(const struct h2_text *t, enum h2_pseudo which);

/* A CONNECT with :protocol. */
bool h2_text_is_extended(const struct h2_text *t);

/*
 * The next of whole "Name: value\r\n" lines that may travel by HTTP/2: those
 * of one connection are passed over (RFC 9113 8.2.2).
 */
bool h2_text_next(struct slice *lines, struct slice *name, struct slice *value);

#endif
