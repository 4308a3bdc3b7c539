/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int		 n;
	struct list	 node;
};

static int
sum_in_order(struct list *l)
{
	int sum = 0;

	list_each(node, l)
		sum = sum * 10 + list_entry(node, struct item, node)->n;
	return sum;
}

static void
keeps_order(void **state)
{
	struct item a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 };
	struct list l;

	(void)state;
	list_init(&l);
	assert_true(list_empty(&l));
	assert_null(list_pop(&l));
	list_append(&l, &a.node);
	list_append(&l, &b.node);
	list_push(&l, &c.node);
	assert_int_equal(sum_in_order(&l), 312);
	assert_ptr_equal(list_pop(&l), &c.node);
	assert_true(list_empty(&c.node));
	assert_int_equal(sum_in_order(&l), 12);
	list_remove(&a.node);
	list_remove(&a.node);		/* twice does no harm */
	assert_int_equal(sum_in_order(&l), 2);
	list_push(&l, &a.node);
	assert_int_equal(sum_in_order(&l), 12);
}

static void
the_current_one_may_leave(void **state)
{
	struct item items[5];
	struct list l, other;
	int visited = 0;

	(void)state;
	list_init(&l);
	list_init(&other);
	for (int i = 0; i < 5; i++) {
		items[i].n = i + 1;
		list_append(&l, &items[i].node);
	}
	list_each(node, &l) {
		visited++;
		if (list_entry(node, struct item, node)->n % 2 == 0) {
			list_remove(node);
			list_append(&other, node);
		}
	}
	assert_int_equal(visited, 5);
	assert_int_equal(sum_in_order(&l), 135);
	assert_int_equal(sum_in_order(&other), 24);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order),
		cmocka_unit_test(the_current_one_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
