/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/queue.h"

enum { MOST = 200 * 1000 };

/* In any pieces in, in any pieces out. */
static void
bytes_keep_their_order(void **state)
{
	static char in[MOST], out[MOST];
	struct loop *loop = loop_new();
	struct queue q = { 0 };
	size_t put = 0, taken = 0;

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		in[i] = (char)(i * 31 % 251);
	srand(7);
	while (taken < MOST) {
		size_t n = (size_t)rand() % 50000;

		if (n > MOST - put)
			n = MOST - put;
		queue_add(&q, loop, (struct slice){ in + put, n });
		put += n;
		assert_int_equal(q.len, put - taken);
		n = q.len == 0 ? 0 : (size_t)rand() % (q.len + 1);
		queue_take(&q, loop, out + taken, n);
		taken += n;
	}
	assert_memory_equal(in, out, MOST);
	assert_null(q.first);
	queue_add(&q, loop, SLICE("left"));
	assert_true(slice_is(queue_front(&q), "left"));
	queue_clear(&q, loop);
	assert_int_equal(q.len, 0);
	loop_free(&loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
