/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/cors.h"

enum { ASKED_FIELDS_MAX = 1024, PREFLIGHT_S = 600 };

bool
cors_knows(const struct config *config, struct slice origin)
{
	for (size_t i = 0; i < config->ncors_origins; i++) {
		struct slice known = slice_of(config->cors_origins[i]);

		/* No cookie is of any use here: who may read is all that
		 * this says. */
		if (slice_is(known, "*") || slice_eq_nocase(origin, known))
			return true;
	}
	return false;
}

static const struct h1_field *
find(const struct h1_head *head, struct slice name)
{
	for (size_t i = 0; i < head->nfields; i++)
		if (slice_eq_nocase(head->fields[i].name, name))
			return &head->fields[i];
	return NULL;
}

bool
cors_is_preflight(const struct h1_head *head)
{
	return head->method == METHOD_OPTIONS &&
	    head->by[FIELD_ORIGIN] >= 0 &&
	    find(head, SLICE("Access-Control-Request-Method")) != NULL;
}

void
cors_write(struct buf *fields, struct slice origin)
{
	FIELD_ADD(fields, "Access-Control-Allow-Origin", origin);
	buf_slice(fields, SLICE("Access-Control-Expose-Headers: "
	    "X-ManyWho-Region-Frontend, X-ManyWho-Region-Backend, "
	    "X-Request-Id\r\nVary: Origin\r\n"));
}

/* The fields asked for are said back: names alone grant nothing that the
 * engine would not check. */
void
cors_write_preflight(struct buf *fields, const struct h1_head *head)
{
	const struct h1_field *asked = find(head,
	    SLICE("Access-Control-Request-Headers"));

	buf_slice(fields, SLICE("Access-Control-Allow-Methods: GET, HEAD, "
	    "POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
	if (asked != NULL && asked->value.len <= ASKED_FIELDS_MAX)
		FIELD_ADD(fields, "Access-Control-Allow-Headers",
		    asked->value);
	buf_printf(fields, "Access-Control-Max-Age: %d\r\n", PREFLIGHT_S);
}

bool
cors_is_ours(struct slice name)
{
	return slice_eq_nocase(name, SLICE("Access-Control-Allow-Origin")) ||
	    slice_eq_nocase(name, SLICE("Access-Control-Expose-Headers"));
}
