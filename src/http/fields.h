/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What stands in a field's value (RFC 9110 5.6): lists, parameters, and the
 * questions that more than one program asks of them.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "http/h1.h"

/*
 * The next element of a comma-separated list, trimmed; empty ones are passed
 * over.  A comma in a quoted string divides nothing; a quote that never
 * closes takes all the rest with it, and the element will not parse.
 */
bool fields_next(struct slice *rest, struct slice *element);

/*
 * The last element and the list before it, for lists in which each hop adds
 * to the right (X-Forwarded-For).  Commas divide wherever they are: these
 * lists know no quotes, and a stranger's quote must not swallow what a
 * trusted hop wrote behind it.  Empty elements are handed out as such.
 */
bool fields_last(struct slice *rest, struct slice *element);

/* The next part of "a; b=c; d", trimmed; quotes as above. */
bool fields_part(struct slice *rest, struct slice *part);

/*
 * name=value, as a part holds it; false for anything else.  The value still
 * has its quotes.
 */
bool fields_param(struct slice part, struct slice *name, struct slice *value);

/* Whether token, in any case, is an element (its parameters aside). */
bool fields_has(struct slice list, struct slice token);

/* Whether this pseudonym stands in any Via as received-by (RFC 9110 7.6.3). */
bool via_has(const struct h1_head *head, struct slice pseudonym);

/* Whether this cdn-id stands in any CDN-Loop (RFC 8586). */
bool cdn_loop_has(const struct h1_head *head, struct slice cdn_id);

/*
 * What an Accept says of a media type, in thousandths: the most specific range
 * that covers it.  Its lines are joined; p NULL: there is none, and all types
 * have 1000 (RFC 9110 12.5.1).
 */
unsigned accept_weight(struct slice accept, struct slice type);

/* Whether it names the very type, not only a range, and not with q=0. */
bool accept_names(struct slice accept, struct slice type);

/* A person with a browser: text/html by name, and before any JSON. */
bool accept_prefers_html(struct slice accept);

#endif
