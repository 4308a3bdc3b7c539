/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, none
 * beyond U+10FFFF).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that begins at p, 1..4, or 0 if none does. */
size_t utf8_width(const char *p, size_t len);

bool utf8_valid(const char *p, size_t len);

#endif
