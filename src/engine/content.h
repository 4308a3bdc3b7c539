/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Contents of values.  All primitive content is text, whatever its type; the
 * type says how it is read, compared and added.
 */
#ifndef ENGINE_CONTENT_H
#define ENGINE_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum content_type {
	CONTENT_STRING, CONTENT_NUMBER, CONTENT_BOOLEAN, CONTENT_DATE_TIME,
	CONTENT_DATE, CONTENT_CONTENT, CONTENT_PASSWORD, CONTENT_ENCRYPTED,
	CONTENT_OBJECT, CONTENT_LIST,
	CONTENT_TYPES
};

const char *content_type_name(enum content_type type);	/* "ContentString" */
/* Any case; false if there is no such type. */
bool content_type_find(enum content_type *type, struct slice name);

static inline bool
content_is_objects(enum content_type type)
{
	return type == CONTENT_OBJECT || type == CONTENT_LIST;
}

/* Whether text can be read as this type.  Empty text always can. */
bool content_valid(enum content_type type, struct slice text);

/* "true" in any case. */
bool content_true(struct slice text);

/* ISO 8601 date, or date and time with zone (none: UTC), in milliseconds
 * since 1970. */
bool content_instant(struct slice text, int64_t *ms);

/* -1, 0, 1; false if the two cannot be put in an order (not numbers). */
bool content_compare(enum content_type type, struct slice a, struct slice b,
    int *order);

/* Upper case by Unicode's simple rules, for comparing text without case. */
struct slice content_upper(struct arena *arena, struct slice text);

/* What ADD makes of the two: concatenated text, or a sum. */
const char *content_add(struct arena *arena, enum content_type type,
    struct slice a, struct slice b);

/* The difference of two numbers; what is none counts as nothing. */
const char *content_subtract(struct arena *arena, struct slice a,
    struct slice b);

/* A number as the platform writes it: no exponent, no trailing zeros. */
const char *content_number(struct arena *arena, double number);

#endif
