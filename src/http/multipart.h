/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * multipart/form-data (RFC 7578, 2046), read as strictly as heads are: the
 * edge finds a request's state in one part of it, and the engine must find
 * the same part.  So there is no preamble, no padding behind a boundary, no
 * content in a transfer encoding, and no name with a backslash in it.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70,	/* RFC 2046 5.1.1 */
	MULTIPART_HEAD_MAX = 4 * 1024,	/* bytes of the fields of a part */
	MULTIPART_FIELDS_MAX = 16,	/* fields of a part */
	MULTIPART_PARTS_MAX = 100,
};

/* Slices point into the body of the call that gave the part. */
struct multipart_part {
	struct slice	 name;
	struct slice	 filename;	/* p NULL: none */
	struct slice	 type;		/* Content-Type, or empty */
	struct slice	 content;
};

/* Private to multipart.c; offsets, for the body may move between calls. */
struct multipart_span {
	size_t		 at, len;
};

struct multipart {
	char		 delimiter[4 + MULTIPART_BOUNDARY_MAX];
	size_t		 delimiter_len;
	uint8_t		 state;
	uint8_t		 parts;
	size_t		 at;		/* where the current state began */
	size_t		 searched;	/* nothing to find before this */
	struct multipart_span name, filename, type;
	bool		 has_filename;
};

enum multipart_step {
	MULTIPART_PART,			/* *part is whole */
	MULTIPART_MORE,			/* call again with more bytes */
	MULTIPART_END,			/* the closing boundary was there */
	MULTIPART_BAD,
};

/*
 * From a Content-Type value; false if it is not multipart/form-data with one
 * boundary.
 */
bool multipart_init(struct multipart *m, struct slice content_type);

/*
 * The next part.  body begins where the body of the message does, in every
 * call, and has grown at its end since the last one.
 */
enum multipart_step multipart_next(struct multipart *m, struct slice body,
    struct multipart_part *part);

#endif
