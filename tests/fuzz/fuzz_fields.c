/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Field values: lists, parameters, and the questions asked of a head.
 */
#include "base/arena.h"
#include "base/must.h"
#include "http/fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_lie_in(struct slice whole, struct slice part)
{
	must(part.len == 0 || (part.p >= whole.p &&
	    part.p + part.len <= whole.p + whole.len));
}

static void
try_parts(struct slice element)
{
	struct slice part, name, value;

	while (fields_part(&element, &part)) {
		must(part.len > 0);
		if (fields_param(part, &name, &value)) {
			must_lie_in(part, name);
			must_lie_in(part, value);
		}
	}
}

static void
try_lists(struct slice value)
{
	struct slice rest = value, element;
	size_t commas = 0, from_right = 0;

	while (fields_next(&rest, &element)) {
		must(element.len > 0);
		must_lie_in(value, element);
		try_parts(element);
	}
	for (size_t i = 0; i < value.len; i++)
		commas += value.p[i] == ',';
	rest = value;
	while (fields_last(&rest, &element)) {
		must_lie_in(value, element);
		from_right++;
	}
	must(value.p == NULL || from_right == commas + 1);
}

static void
try_head(struct slice value)
{
	static const struct slice type = SLICE("text/html");
	struct h1_head head = { .nfields = 2 };

	memset(head.by, -1, sizeof(head.by));
	head.fields[0] = (struct h1_field){ .value = value, .id = FIELD_VIA };
	head.fields[1] = (struct h1_field){ .value = value,
	    .id = FIELD_CDN_LOOP };
	head.by[FIELD_VIA] = 0;
	head.by[FIELD_CDN_LOOP] = 1;
	via_has(&head, type);
	cdn_loop_has(&head, type);
	must(accept_weight(value, type) <= 1000);
	must(!accept_names(value, type) || accept_weight(value, type) > 0);
	must(!accept_prefers_html(value) || accept_names(value, type));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = { (const char *)data, size };

	try_lists(value);
	try_head(value);
	return 0;
}
