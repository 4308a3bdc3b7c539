/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * base64url without padding (RFC 4648 5, as RFC 7515 2 has it).  Strict: one
 * text stands for one string of bytes, and nothing else is read.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include <stdbool.h>

#include "base/buf.h"

void base64url_write(struct buf *out, const void *bytes, size_t len);

/* Appends; false, and nothing appended, for anything that base64url_write()
 * would not have written. */
bool base64url_read(struct buf *out, struct slice text);

#endif
