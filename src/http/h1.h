/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * HTTP/1.1 heads (RFC 9112), read strictly and without copying: slices point
 * into the caller's bytes.  There is no lenient switch; what two programs
 * could read differently is refused with a rule, a status and an offset.
 */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	/* What a stranger may send, to be refused by whoever faces him ... */
	H1_CLIENT_FIELDS = 100,
	H1_CLIENT_HEAD = 32 * 1024,
	/* ... and what is read: a proxy before us adds some of its own. */
	H1_FIELDS_MAX = 124,		/* fields in a head */
	H1_LINE_MAX = 8 * 1024,		/* bytes of one line, its end included */
	H1_HEAD_MAX = 36 * 1024,	/* bytes of a head, its end included */
	H1_TRAILERS_MAX = 8 * 1024,	/* bytes of a trailer section */
	H1_CHUNK_EXT_MAX = 256,		/* bytes of one chunk's extensions */
};

/* Fields that somebody looks at; recognised while parsing, in any case. */
enum field_id {
	FIELD_OTHER,
	FIELD_ACCEPT, FIELD_AUTHORIZATION, FIELD_CDN_LOOP, FIELD_CONNECTION,
	FIELD_CONTENT_LENGTH, FIELD_CONTENT_TYPE, FIELD_DATE, FIELD_EXPECT,
	FIELD_FORWARDED, FIELD_HOST, FIELD_KEEP_ALIVE, FIELD_MANYWHO_STATE,
	FIELD_MANYWHO_TENANT, FIELD_ORIGIN, FIELD_PROXY_AUTHENTICATE,
	FIELD_PROXY_AUTHORIZATION, FIELD_PROXY_CONNECTION,
	FIELD_PROXY_STATUS, FIELD_RETRY_AFTER, FIELD_SERVER, FIELD_TE,
	FIELD_TRACEPARENT, FIELD_TRAILER, FIELD_TRANSFER_ENCODING,
	FIELD_UPGRADE, FIELD_USER_AGENT, FIELD_VIA,
	FIELD_X_FORWARDED_FOR, FIELD_X_FORWARDED_HOST,
	FIELD_X_FORWARDED_PORT, FIELD_X_FORWARDED_PROTO,
	FIELD_X_MANYWHO,		/* any name that begins X-ManyWho- */
	FIELD_X_PORTOLAN,		/* any name that begins X-Portolan- */
	FIELD_X_REQUEST_ID,
	FIELD_IDS
};

struct h1_field {
	struct slice	 name, value;	/* value without OWS around it */
	uint8_t		 id;		/* enum field_id */
	bool		 hop;		/* hop-by-hop: fixed ones and those that
					   Connection named and may name */
};

enum h1_method {
	METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT,
	METHOD_DELETE, METHOD_PATCH, METHOD_OPTIONS, METHOD_TRACE,
	METHOD_CONNECT
};

enum h1_framing {
	H1_NO_BODY,
	H1_LENGTH,			/* content_length bytes, maybe 0 */
	H1_CHUNKED,
	H1_UNTIL_CLOSE,			/* responses only */
};

/* Why a head or body was refused; h1_rule_info() has text and status. */
enum h1_rule {
	H1_OK,
	H1_BAD_METHOD, H1_BAD_TARGET, H1_BAD_VERSION, H1_BAD_STATUS_LINE,
	H1_BAD_NAME, H1_BAD_VALUE, H1_OBS_FOLD, H1_BARE_CR_OR_LF,
	H1_SPACE_BEFORE_COLON, H1_MISSING_HOST, H1_SEVERAL_HOSTS, H1_BAD_HOST,
	H1_LENGTH_AND_CHUNKED, H1_BAD_LENGTH, H1_SEVERAL_LENGTHS,
	H1_BAD_CODING, H1_UNKNOWN_CODING, H1_CODING_IN_1_0, H1_BAD_CONNECTION,
	H1_BAD_EXPECT, H1_BAD_UPGRADE, H1_SPOOFABLE_NAME,
	H1_TOO_MANY_FIELDS, H1_LINE_TOO_LONG, H1_TARGET_TOO_LONG,
	H1_HEAD_TOO_LONG,
	H1_BAD_CHUNK, H1_CHUNK_TOO_LONG, H1_BAD_TRAILER, H1_TRAILER_TOO_LONG,
	H1_OTHER_VERSION, H1_REPEATED_FIELD, H1_LONG_METHOD,
	H1_BAD_MAX_FORWARDS,
	H1_RULES
};

struct h1_rule_info {
	const char	*name;		/* for logs and metrics: "obs-fold" */
	const char	*sentence;	/* for people */
	uint16_t	 status;	/* 400, 414, 417, 431, 501, 505 */
};

const struct h1_rule_info *h1_rule_info(enum h1_rule rule);

struct h1_head {
	/* requests */
	enum h1_method	 method;
	struct slice	 method_text, target;
	struct slice	 host;		/* Host, or the authority of an
					   absolute-form target, which wins */
	bool		 host_is_normal;	/* it is as host_normalise() has it */
	bool		 expect_continue;
	uint16_t	 forwards;	/* 1 + Max-Forwards of OPTIONS, which
					   we count to 256; 0: none */
	/* responses */
	uint16_t	 status;
	struct slice	 reason;
	/* both */
	uint8_t		 minor;		/* HTTP/1.minor: 0, or 1 for all later */
	bool		 keep_alive;	/* by version and Connection */
	bool		 trailers;	/* TE, as Connection says, takes them */
	struct slice	 upgrade;	/* of an Upgrade that Connection names */
	enum h1_framing	 framing;
	uint64_t	 content_length;	/* for HEAD and 304: what it would
						   be, though no body follows */
	uint16_t	 nfields;
	struct h1_field	 fields[H1_FIELDS_MAX];
	/* index of the first field with an id, or -1: by[FIELD_HOST] */
	int8_t		 by[FIELD_IDS];
};

enum h1_progress { H1_DONE, H1_MORE, H1_REFUSED };

struct h1_end {
	size_t		 consumed;	/* after H1_DONE: bytes of the head */
	enum h1_rule	 rule;		/* after H1_REFUSED */
	size_t		 offset;	/* ... and where, from the start */
};

/*
 * A whole head from the front of bytes.  H1_MORE until its empty line is
 * there; call again with the same bytes and more behind them.  *seen, 0 at
 * first, remembers how far the search for that line got, so that a dripping
 * peer costs no more than a fast one.  What is wrong in the first bytes may be
 * refused before the head is complete; *head counts after H1_DONE only.
 *
 * In a request a name with an underscore is refused where the same name with
 * a hyphen means something to us, and left out of the fields otherwise: CGI
 * and its heirs read both as one.  A field that names itself twice where only
 * one can be meant (tenant, state, Content-Type ...) is refused.
 */
enum h1_progress h1_read_request(struct h1_head *head, struct slice bytes,
    size_t *seen, struct h1_end *end);

/*
 * Which method a request begins with, by its first H1_METHOD_BEGUN bytes;
 * OTHER: with none that has a name here, or too few are there.
 */
enum { H1_METHOD_BEGUN = 5 };
enum h1_method h1_method_begun(struct slice bytes);

/* request_method: HEAD and CONNECT change the framing (RFC 9112 6.3). */
enum h1_progress h1_read_response(struct h1_head *head, struct slice bytes,
    size_t *seen, enum h1_method request_method, struct h1_end *end);

/* The first field with this id, or NULL. */
static inline const struct h1_field *
h1_field(const struct h1_head *head, enum field_id id)
{
	return head->by[id] < 0 ? NULL : &head->fields[head->by[id]];
}

enum field_id field_identify(struct slice name);

/* RFC 9110 9.2.2: repeating it does what doing it once does. */
bool method_is_idempotent(enum h1_method method);

/* Chunked bodies (RFC 9112 7.1), decoded piece by piece. */
struct h1_chunked {
	uint8_t		 state;		/* private, as is the rest */
	uint64_t	 left;		/* of the current chunk */
	uint32_t	 line;		/* bytes of the current line so far */
	uint32_t	 ext;		/* ... of which extensions */
	uint32_t	 trailers;	/* bytes of the trailer section so far */
	uint32_t	 excess;	/* framing beyond what the data excuse */
};

enum h1_piece {
	H1_PIECE_DATA,			/* *data is some of the body */
	H1_PIECE_MORE,			/* everything consumed; no data in it */
	H1_PIECE_END,			/* body and trailers are complete */
	H1_PIECE_BAD,			/* *rule says why */
};

void h1_chunked_init(struct h1_chunked *c);

/*
 * Takes from the front of *bytes; call until it is used up or END.  Trailer
 * lines are validated, and forbidden ones (framing, routing, control:
 * RFC 9110 6.5.1) dropped; the rest is appended to trailers as whole
 * "Name: value\r\n" lines.  An unfinished line waits at the end of trailers:
 * leave the buffer alone between the calls, and read it after END.
 */
struct buf;
enum h1_piece h1_chunked_read(struct h1_chunked *c, struct slice *bytes,
    struct slice *data, struct buf *trailers, enum h1_rule *rule);
/* The data of a whole body; false: bytes are none. */
bool h1_chunked_all(struct slice bytes, struct buf *data);

/* Whether a field of this name may stand in a trailer section; others are
 * dropped there. */
bool h1_may_trail(struct slice name);

/* "1a\r\n" before a chunk; returns the length. At least 18 bytes. */
size_t h1_chunk_head(char *out, uint64_t len);

/* The usual phrase ("Not Found"), or "" */
const char *status_phrase(unsigned status);

#endif
