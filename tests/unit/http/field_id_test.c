/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/h1_parse.h"

static const struct {
	const char	*name;
	enum field_id	 id;
} names[] = {
	{ "Accept", FIELD_ACCEPT },
	{ "Authorization", FIELD_AUTHORIZATION },
	{ "CDN-Loop", FIELD_CDN_LOOP },
	{ "Connection", FIELD_CONNECTION },
	{ "Content-Length", FIELD_CONTENT_LENGTH },
	{ "Content-Type", FIELD_CONTENT_TYPE },
	{ "Date", FIELD_DATE },
	{ "Expect", FIELD_EXPECT },
	{ "Forwarded", FIELD_FORWARDED },
	{ "Host", FIELD_HOST },
	{ "Keep-Alive", FIELD_KEEP_ALIVE },
	{ "ManyWhoState", FIELD_MANYWHO_STATE },
	{ "ManyWhoTenant", FIELD_MANYWHO_TENANT },
	{ "Origin", FIELD_ORIGIN },
	{ "Proxy-Authenticate", FIELD_PROXY_AUTHENTICATE },
	{ "Proxy-Authorization", FIELD_PROXY_AUTHORIZATION },
	{ "Proxy-Connection", FIELD_PROXY_CONNECTION },
	{ "Proxy-Status", FIELD_PROXY_STATUS },
	{ "Retry-After", FIELD_RETRY_AFTER },
	{ "Server", FIELD_SERVER },
	{ "TE", FIELD_TE },
	{ "Traceparent", FIELD_TRACEPARENT },
	{ "Trailer", FIELD_TRAILER },
	{ "Transfer-Encoding", FIELD_TRANSFER_ENCODING },
	{ "Upgrade", FIELD_UPGRADE },
	{ "User-Agent", FIELD_USER_AGENT },
	{ "Via", FIELD_VIA },
	{ "X-Forwarded-For", FIELD_X_FORWARDED_FOR },
	{ "X-Forwarded-Host", FIELD_X_FORWARDED_HOST },
	{ "X-Forwarded-Port", FIELD_X_FORWARDED_PORT },
	{ "X-Forwarded-Proto", FIELD_X_FORWARDED_PROTO },
	{ "X-ManyWho-Region-Backend", FIELD_X_MANYWHO },
	{ "X-Portolan-Explain", FIELD_X_PORTOLAN },
	{ "X-Request-Id", FIELD_X_REQUEST_ID },
};

static void
knows_every_name_in_any_case(void **state)
{
	bool seen[FIELD_IDS] = { [FIELD_OTHER] = true };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[32];
		size_t len = strlen(names[i].name);

		seen[names[i].id] = true;
		assert_int_equal(field_identify(slice_of(names[i].name)),
		    names[i].id);
		for (size_t k = 0; k < len; k++)
			text[k] = ascii_lower(names[i].name[k]);
		assert_int_equal(field_identify((struct slice){ text, len }),
		    names[i].id);
		/* One letter off, or one short: another field. */
		text[len - 1] ^= 1;
		if (names[i].id != FIELD_X_MANYWHO &&
		    names[i].id != FIELD_X_PORTOLAN)
			assert_int_equal(field_identify(
			    (struct slice){ text, len }), FIELD_OTHER);
		text[0] ^= 1;
		assert_int_equal(field_identify(
		    (struct slice){ text, len }), FIELD_OTHER);
	}
	for (size_t i = 0; i < FIELD_IDS; i++)
		assert_true(seen[i]);
}

static void
families_are_prefixes(void **state)
{
	static const struct {
		const char	*name;
		enum field_id	 id;
	} rows[] = {
		{ "x-manywho-", FIELD_X_MANYWHO },
		{ "X-MANYWHO-a-very-long-name-beyond-any-known-one",
		    FIELD_X_MANYWHO },
		{ "x-portolan-", FIELD_X_PORTOLAN },
		{ "x-manywho", FIELD_OTHER },
		{ "x-portolan", FIELD_OTHER },
		{ "manywho-x", FIELD_OTHER },
		{ "", FIELD_OTHER },
		{ "x", FIELD_OTHER },
		{ "proxy-authorizationx", FIELD_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(field_identify(slice_of(rows[i].name)),
		    rows[i].id);
	/* 0x0d with bit 0x20 set would be a hyphen. */
	assert_int_equal(field_identify(slice_of("Content\rLength")),
	    FIELD_OTHER);
}

static void
spoofing_names(void **state)
{
	static const struct {
		const char	*name;
		bool		 spoofs;
	} rows[] = {
		{ "Content_Length", true },
		{ "transfer_encoding", true },
		{ "X_Forwarded_For", true },
		{ "x_forwarded-for", true },
		{ "X_Forwarded_Anything", true },
		{ "X_ManyWho_Region_Backend", true },
		{ "X_ManyWho", true },
		{ "X_Portolan_Region", true },
		{ "x_real_ip", true },
		{ "X_Client_IP", true },
		{ "True_Client_IP", true },
		{ "ManyWho_Tenant", true },
		{ "user_agent", true },
		{ "host", true },
		{ "X_Custom", false },
		{ "_", false },
		{ "cache_control", false },
		{ "x_many", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(field_spoofs(slice_of(rows[i].name)),
		    rows[i].spoofs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_name_in_any_case),
		cmocka_unit_test(families_are_prefixes),
		cmocka_unit_test(spoofing_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
