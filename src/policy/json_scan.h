/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A few strings out of a JSON document of which only the front is there: what
 * a peek into a request's body needs, where a parser wants all of it.  Strict
 * (RFC 8259), no allocation, nothing kept but what was asked for.
 *
 * Names are compared without case, because some engines bind them so; and
 * where a document says a thing twice and differently, readers differ about
 * which one counts, so it counts as unusable.
 */
#ifndef POLICY_JSON_SCAN_H
#define POLICY_JSON_SCAN_H

#include "base/slice.h"

enum {
	JSON_DEPTH_MAX = 64,
	JSON_WANTS_MAX = 8,
	JSON_PATH_MAX = 2,
	JSON_TEXT_KEPT = 128,		/* longer values are cut */
};

enum json_seen {
	JSON_ABSENT,			/* not in what was read */
	JSON_NULL,
	JSON_TEXT,			/* text and len */
	JSON_UNUSABLE,			/* no string, or several that differ */
};

struct json_want {
	const char	*path[JSON_PATH_MAX + 1];	/* names, then NULL */
	enum json_seen	 seen;
	char		 text[JSON_TEXT_KEPT];
	uint8_t		 len;
};

enum json_end {
	JSON_MORE,			/* good so far, and not at its end */
	JSON_COMPLETE,			/* what follows the value is not looked at */
	JSON_BAD,
};

/* Sets seen, text and len of every want. */
enum json_end json_scan(struct slice front, struct json_want *wants,
    size_t count);

#endif
