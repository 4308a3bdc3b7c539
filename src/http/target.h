/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Request targets: one normalisation, after which every later reader sees
 * the same path (RFC 3986 6.2.2).
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum target_verdict {
	TARGET_OK,
	TARGET_BAD_ESCAPE,		/* % without two hex digits */
	TARGET_ENCODED_SEPARATOR,	/* %2f, %5c or %00, overlong ones too */
	TARGET_BACKSLASH,
	TARGET_EMPTY_SEGMENT,		/* // */
	TARGET_PARAMETER,		/* ; in a path under the given prefixes,
					   or behind a dot segment: "/..;x/" */
	TARGET_ABOVE_ROOT,		/* ".." beyond the first segment */
	TARGET_BAD_FORM,		/* neither /path nor http(s)://host/path,
					   or a byte that no target holds */
	TARGET_VERDICTS
};

const char *target_verdict_text(enum target_verdict verdict);

struct target {
	struct slice	 path;		/* normalised; begins with / */
	struct slice	 query;		/* without ?, as it came; p NULL: none */
	bool		 asterisk;	/* OPTIONS * : path is "*" */
};

/*
 * out holds the normalised path and must have room for raw.len bytes; where
 * nothing changes, path points into raw.  Parameters (;) are left to
 * path_class of the policy floor, which knows the prefixes.
 */
enum target_verdict target_normalise(struct target *target, struct slice raw,
    char *out);

/* Whether it is a path of our own, for tables of endpoints; one with a ? at its
 * end stands for whatever follows that. */
bool target_fits(struct slice raw, const char *path);

/*
 * The authority of "http(s)://authority...", and the port that the scheme
 * stands for; false for any other form.  The authority is not looked at.
 */
bool target_authority(struct slice raw, struct slice *authority,
    uint16_t *port);

/*
 * host[:port] (RFC 9110 7.2): a name of letters, digits, "-", "_" and inner
 * dots, an IPv4 address or an IPv6 address in brackets; port 1 to 65535, or
 * empty.
 */
struct host {
	struct slice	 name;		/* as host_normalise(); in text */
	uint16_t	 port;		/* 0: none given */
	char		 text[256];
};

bool host_parse(struct host *host, struct slice raw);

/*
 * A Host value without port and trailing dot, in lower case, in out (room
 * for 256 bytes); false if it is not host[:port] (RFC 9110 7.2).
 */
bool host_normalise(struct slice *host, struct slice raw, char *out);

#endif
