/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * JSON as it comes and goes: counted before it is read, written as text, and
 * the memory of what is between.
 */
#ifndef ENGINE_JSON_TEXT_H
#define ENGINE_JSON_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Appends json, without blanks.  It must not contain itself. */
void json_put(struct buf *out, const json_t *json);

/*
 * Whether there are more values in what a stranger sends than are read.  One
 * takes some 250 bytes, and two of the text: four megabytes would become four
 * hundred, for each request that waits.
 */
enum { JSON_VALUES_MAX = 200000 };

bool json_is_too_much(struct slice text);

/* What is wrong in a text that jansson did not read, in words for who sent it. */
const char *json_mistake(const json_error_t *error);

/* Before the first JSON of the process is made (json_memory.c). */
void json_memory_begin(void);

#endif
