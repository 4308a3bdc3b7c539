/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "net/tls_tickets.h"

enum { LIFE = 1000 };

static enum ticket_found
find(struct tls_tickets *t, uint64_t now_ms, const struct tls_ticket_key *made)
{
	struct tls_ticket_key found;
	enum ticket_found how = tls_tickets_find(t, now_ms, made->name,
	    &found);

	if (how != TICKET_UNKNOWN) {
		assert_memory_equal(found.cipher, made->cipher, 32);
		assert_memory_equal(found.mac, made->mac, 32);
	}
	return how;
}

static void
own_keys_turn_and_outlive_their_tickets(void **state)
{
	struct tls_tickets *t = tls_tickets_new(NULL, 0, LIFE), *reloaded;
	struct tls_ticket_key first, same, second, third;
	const uint64_t at = 1000000;

	(void)state;
	tls_tickets_first(t, at, &first);
	tls_tickets_first(t, at + LIFE / 2 - 1, &same);
	assert_memory_equal(&first, &same, sizeof(first));
	tls_tickets_first(t, at + LIFE / 2, &second);
	assert_memory_not_equal(first.name, second.name, 16);
	assert_memory_not_equal(first.cipher, second.cipher, 32);
	assert_int_equal(find(t, at + LIFE / 2, &first), TICKET_OLDER);
	assert_int_equal(find(t, at + LIFE / 2, &second), TICKET_FIRST);

	/* What a reload brings knows them as well. */
	reloaded = tls_tickets_new(NULL, 0, LIFE);
	tls_tickets_free(&t);
	tls_tickets_first(reloaded, at + LIFE, &third);
	assert_int_equal(find(reloaded, at + LIFE, &first), TICKET_OLDER);
	/* A clock that was read before the key was made. */
	assert_int_equal(find(reloaded, at + LIFE / 2 + 1, &third),
	    TICKET_FIRST);
	assert_int_equal(find(reloaded, at + LIFE + LIFE / 2 - 1, &first),
	    TICKET_OLDER);
	assert_int_equal(find(reloaded, at + LIFE + LIFE / 2, &first),
	    TICKET_UNKNOWN);
	assert_int_equal(find(reloaded, at + LIFE + LIFE / 2, &second),
	    TICKET_OLDER);
	tls_tickets_free(&reloaded);
	assert_null(reloaded);
}

static void
keys_of_a_file_stay(void **state)
{
	const uint8_t ab[2][TLS_TICKET_SECRET] = { "a", "b" };
	const uint8_t ba[2][TLS_TICKET_SECRET] = { "b", "a" };
	struct tls_tickets *one = tls_tickets_new(ab, 2, LIFE);
	struct tls_tickets *other = tls_tickets_new(ba, 2, LIFE);
	struct tls_tickets *held = tls_tickets_ref(one);
	struct tls_ticket_key key;

	(void)state;
	tls_tickets_first(one, 5, &key);
	tls_tickets_free(&one);
	assert_int_equal(find(held, 1000 * LIFE, &key), TICKET_FIRST);
	assert_int_equal(find(other, 5, &key), TICKET_OLDER);
	key.name[0] ^= 1;
	assert_int_equal(find(held, 5, &key), TICKET_UNKNOWN);
	tls_tickets_free(&held);
	tls_tickets_free(&other);
	assert_null(tls_tickets_ref(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_keys_turn_and_outlive_their_tickets),
		cmocka_unit_test(keys_of_a_file_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
