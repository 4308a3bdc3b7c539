/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/guid.h"

static void
one_key_for_all_spellings(void **state)
{
	static const char *const same[] = {
		"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01",
		"1B6C2B2F-3F1D-4A7E-9A52-2F1F5F1F0A01",
		"1b6c2b2f3f1d4a7e9a522f1f5f1f0a01",
		"{1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01}",
		"(1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01)",
		"{1b6c2b2f3f1d4a7e9a522f1f5f1f0a01}",
	};
	struct id_key first, key;

	(void)state;
	assert_true(id_key_from(&first, slice_of(same[0])));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(id_key_from(&key, slice_of(same[i])));
		if (!slice_eq(id_key_slice(&first), id_key_slice(&key)))
			fail_msg("%s has another key", same[i]);
	}
}

static void
other_names_and_no_names(void **state)
{
	static const struct {
		const char	*name;
		bool		 good;
	} rows[] = {
		{ "acme", true },
		{ "Acme_2.test-x", true },
		{ "", false },
		{ " acme", false },
		{ "a,b", false },
		{ "%41cme", false },
		{ "{acme}", false },
		{ "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01,x", false },
		{ "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a0", true },
		{ "{1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01)", false },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    true },				/* 63 */
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    false },
	};
	struct id_key key, upper;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (id_key_from(&key, slice_of(rows[i].name)) != rows[i].good)
			fail_msg("'%s'", rows[i].name);
	assert_true(id_key_from(&key, SLICE("acme")));
	assert_true(id_key_from(&upper, SLICE("ACME")));
	assert_true(slice_eq(id_key_slice(&key), id_key_slice(&upper)));
}

/* The sixteen bytes of this GUID are "=aaaaaaaaaaaaaaa". */
static void
a_name_is_no_guid(void **state)
{
	struct id_key guid, name;

	(void)state;
	assert_true(id_key_from(&guid,
	    SLICE("3d616161-6161-6161-6161-616161616161")));
	assert_true(id_key_from(&name, SLICE("aaaaaaaaaaaaaaa")));
	assert_false(slice_eq(id_key_slice(&guid), id_key_slice(&name)));
}

static void
reads_and_writes_guids(void **state)
{
	static const char *const bad[] = {
		"", "-", "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a0",
		"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a0g",
		"1b6c2b2f_3f1d-4a7e-9a52-2f1f5f1f0a01",
		"1b6c2b2f-3f1d-4a7e-9a522-f1f5f1f0a01", "{}", "{",
		"1b6c2b2f3f1d4a7e9a522f1f5f1f0a0-",
	};
	uint8_t bytes[16] = { 0 };
	char text[GUID_TEXT];

	(void)state;
	assert_true(guid_parse(bytes,
	    SLICE("{0123ABCD-4567-89ab-cdef-FFEEDDCCBBAA}")));
	assert_string_equal(guid_text(bytes, text),
	    "0123abcd-4567-89ab-cdef-ffeeddccbbaa");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (guid_parse(bytes, slice_of(bad[i])))
			fail_msg("'%s' was read", bad[i]);
	assert_string_equal(guid_text(bytes, text),
	    "0123abcd-4567-89ab-cdef-ffeeddccbbaa");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_for_all_spellings),
		cmocka_unit_test(other_names_and_no_names),
		cmocka_unit_test(a_name_is_no_guid),
		cmocka_unit_test(reads_and_writes_guids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
