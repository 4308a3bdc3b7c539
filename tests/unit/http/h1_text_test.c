/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

static void
every_rule_has_name_sentence_and_status(void **state)
{
	static const unsigned statuses[] = { 400, 414, 417, 431, 501, 505 };

	(void)state;
	for (unsigned r = H1_OK + 1; r < H1_RULES; r++) {
		const struct h1_rule_info *info = h1_rule_info(r);
		bool known = false;

		assert_non_null(info->name);
		assert_true(strlen(info->sentence) > 10);
		for (size_t i = 0; i < COUNT(statuses); i++)
			known |= info->status == statuses[i];
		assert_true(known);
		assert_string_not_equal(status_phrase(info->status), "");
		for (unsigned other = H1_OK; other < r; other++)
			assert_string_not_equal(info->name,
			    h1_rule_info(other)->name);
	}
}

static void
phrases(void **state)
{
	static const struct {
		unsigned	 status;
		const char	*phrase;
	} rows[] = {
		{ 100, "Continue" }, { 200, "OK" }, { 404, "Not Found" },
		{ 421, "Misdirected Request" },
		{ 431, "Request Header Fields Too Large" },
		{ 451, "Unavailable For Legal Reasons" },
		{ 505, "HTTP Version Not Supported" },
		{ 0, "" }, { 99, "" }, { 299, "" }, { 418, "" }, { 599, "" },
		{ 600, "" }, { 70000, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(status_phrase(rows[i].status),
		    rows[i].phrase);
}

static void
idempotent_methods(void **state)
{
	static const bool idempotent[] = {
		[METHOD_OTHER] = false, [METHOD_GET] = true,
		[METHOD_HEAD] = true, [METHOD_POST] = false,
		[METHOD_PUT] = true, [METHOD_DELETE] = true,
		[METHOD_PATCH] = false, [METHOD_OPTIONS] = true,
		[METHOD_TRACE] = true, [METHOD_CONNECT] = false,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(idempotent); i++)
		assert_int_equal(method_is_idempotent(i), idempotent[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_has_name_sentence_and_status),
		cmocka_unit_test(phrases),
		cmocka_unit_test(idempotent_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
