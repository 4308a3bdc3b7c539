/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An index answers what a look at each object answers, whatever is set and
 * appended meanwhile; and it does so in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "engine/object_index.h"
#include "engine/run.h"

static json_t *
object(const char *external, const char *internal)
{
	return json_pack("{s:s?, s:s?}", "externalId", external, "internalId",
	    internal);
}

static void
finds(struct object_index *index, json_t *list, const char *external,
    const char *internal)
{
	json_t *wanted = object(external, internal);

	assert_int_equal(object_index_find(index, wanted),
	    object_find(list, wanted));
	json_decref(wanted);
}

/* Few ids and many objects, so that each id is at many places. */
static const char *
any_id(uint32_t *seed, char text[8])
{
	*seed = *seed * 1664525 + 1013904223;
	if ((*seed >> 24) % 13 == 0)
		return NULL;
	snprintf(text, 8, "%c%u", (*seed >> 20 & 1) != 0 ? 'a' : 'A',
	    (*seed >> 8) % 40);
	return (*seed >> 28) == 0 ? "" : text;
}

static void
same_as_looking_at_each(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		json_t *list = json_array();
		struct object_index *index = object_index_new(list);
		char x[8], y[8];

		for (unsigned i = 0; i < 120; i++) {
			json_t *item = object(any_id(&seed, x),
			    any_id(&seed, y));
			size_t at = object_index_find(index, item);

			assert_int_equal(at, object_find(list, item));
			/* Now and then one that had no need to be new. */
			if (at == json_array_size(list) || i % 5 == 0) {
				at = json_array_size(list);
				json_array_append(list, item);
			} else if (i % 7 == 0) {
				json_array_set_new(list, at, json_null());
			} else {
				json_array_set(list, at, item);
			}
			object_index_note(index, at);
			json_decref(item);
			finds(index, list, any_id(&seed, x),
			    any_id(&seed, y));
		}
		object_index_free(&index);
		json_decref(list);
	}
}

static void
what_is_no_object_is_not_found(void **state)
{
	json_t *list = json_pack("[n, s, i, {}, {s:i}, [], {s:s}]", "text",
	    7, "externalId", 7, "externalId", "x");
	struct object_index *index;

	(void)state;
	for (unsigned i = 0; i < 40; i++)	/* more than few */
		json_array_append_new(list, json_null());
	index = object_index_new(list);
	finds(index, list, "x", NULL);
	finds(index, list, "X", "x");
	finds(index, list, NULL, "x");
	finds(index, list, "", "");
	finds(index, list, NULL, NULL);
	object_index_free(&index);
	index = object_index_new(NULL);
	finds(index, NULL, "x", "y");
	object_index_free(&index);
	json_decref(list);
}

/* Two hundred thousand of each: looking at each would take an hour.  All with
 * one id, and all with ids of their own. */
static void
long_lists_take_no_longer(void **state)
{
	enum { MANY = 200000 };

	(void)state;
	for (int alike = 0; alike < 2; alike++) {
		json_t *list = json_array();
		struct object_index *index = object_index_new(list);

		for (unsigned i = 0; i < MANY; i++) {
			char id[16], other[16];
			json_t *item;
			size_t at;

			snprintf(id, sizeof(id), "%u", alike ? 1 : i);
			snprintf(other, sizeof(other), "%u", i);
			item = object(id, other);
			at = object_index_find(index, item);
			assert_int_equal(at, alike ? 0 : i);
			if (at < json_array_size(list))
				json_array_set_new(list, at, item);
			else
				json_array_append_new(list, item);
			object_index_note(index, at);
		}
		object_index_free(&index);
		json_decref(list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_looking_at_each),
		cmocka_unit_test(what_is_no_object_is_not_found),
		cmocka_unit_test(long_lists_take_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
