/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "net/tls.h"
#include "support/certificates.h"

static int
make_files(void **state)
{
	struct authority ca;
	FILE *f;

	(void)state;
	certificates_begin();
	ca = authority_new("ca");
	certificate_issue(&ca, "gb", "URI:portolan:region:GB,DNS:gb.example",
	    3600);
	certificate_issue(&ca, "other", "URI:portolan:region:US", 3600);
	certificate_issue(&ca, "none", "DNS:a.example,URI:https://x/", 3600);
	certificate_issue(&ca, "two",
	    "URI:portolan:region:US,URI:portolan:region:GB", 3600);
	certificate_issue(&ca, "long",
	    "URI:portolan:region:ABCDEFGHIJKLMNOP", 3600);
	certificate_issue(&ca, "empty", "URI:portolan:region:", 3600);
	authority_free(&ca);
	f = fopen(certificate_path("garbage.pem"), "w");
	assert_non_null(f);
	fputs("this is no PEM\n", f);
	fclose(f);
	return 0;
}

static int
remove_files(void **state)
{
	(void)state;
	certificates_end();
	return 0;
}

static const struct mistake {
	const char	*certificate, *key, *ca;	/* ca NULL: facing clients */
	const char	*at, *text;
} mistakes[] = {
	{ "missing.pem", "gb.key", NULL, "missing.pem",
	    ": cannot be read as a PEM certificate: No such file or directory; "
	    "give a file that " },
	{ "", "gb.key", NULL, "",
	    ": cannot be read as a PEM certificate: Is a directory; give" },
	{ "gb.pem", "", NULL, "",
	    ": cannot be read as a PEM private key: Is a directory; give" },
	{ "garbage.pem", "gb.key", NULL, "garbage.pem",
	    ": cannot be read as a PEM certificate: no start line; give" },
	{ "gb.key", "gb.key", NULL, "gb.key",
	    ": cannot be read as a PEM certificate: " },
	{ "gb.pem", "missing.key", NULL, "missing.key",
	    ": cannot be read as a PEM private key: No such file or directory; "
	    "give a file that " },
	{ "gb.pem", "garbage.pem", NULL, "garbage.pem",
	    ": cannot be read as a PEM private key: " },
	{ "gb.pem", "other.key", NULL, "other.key",
	    ": this key does not belong to the certificate in " },
	{ "gb.pem", "gb.key", "missing.pem", "missing.pem",
	    ": cannot be read as PEM certificates of authorities: No such file "
	    "or directory; give a file that " },
	{ "gb.pem", "gb.key", "garbage.pem", "garbage.pem",
	    ": cannot be read as PEM certificates of authorities: " },
};

static void
mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		const char *certificate = certificate_path(m->certificate);
		const char *key = certificate_path(m->key);
		struct tls_context *tls;
		struct err err;
		char expected[256];

		if (m->ca == NULL)
			tls = certificate_server(certificate, key, &err);
		else
			tls = tls_link_client_new(certificate, key,
			    certificate_path(m->ca), &err);
		assert_null(tls);
		snprintf(expected, sizeof(expected), "%s%s",
		    certificate_path(m->at), m->text);
		if (strncmp(err.text, expected, strlen(expected)) != 0)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static const struct {
	const char	*name;
	const char	*region;	/* NULL: none */
} regions[] = {
	{ "gb", "GB" },
	{ "other", "US" },
	{ "none", NULL },
	{ "two", NULL },		/* one must not pass for the other */
	{ "long", NULL },		/* 16 letters do not fit */
	{ "empty", NULL },
};

static void
certificates_name_their_region(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		char pem[32], key[32];
		struct tls_context *tls;
		struct err err;

		snprintf(pem, sizeof(pem), "%s.pem", regions[i].name);
		snprintf(key, sizeof(key), "%s.key", regions[i].name);
		tls = certificate_server(certificate_path(pem),
		    certificate_path(key), &err);
		assert_non_null(tls);
		assert_int_equal(tls_context_is_region(tls, "GB"),
		    regions[i].region != NULL &&
		    strcmp(regions[i].region, "GB") == 0);
		assert_int_equal(tls_context_is_region(tls, "US"),
		    regions[i].region != NULL &&
		    strcmp(regions[i].region, "US") == 0);
		assert_false(tls_context_is_region(tls, ""));
		tls_context_free(&tls);
	}
}

static void
expiry_is_known_and_users_are_counted(void **state)
{
	struct tls_context *tls, *again;
	struct err err;
	int64_t left;

	(void)state;
	tls = tls_link_server_new(certificate_path("gb.pem"),
	    certificate_path("gb.key"), certificate_path("ca.pem"), &err);
	assert_non_null(tls);
	left = tls_context_expiry(tls) - (int64_t)time(NULL);
	assert_true(left > 3500 && left <= 3600);
	again = tls_context_ref(tls);
	tls_context_free(&tls);
	assert_null(tls);
	tls_context_free(&tls);
	assert_true(tls_context_is_region(again, "GB"));
	tls_context_free(&again);
	assert_null(tls_context_ref(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(certificates_name_their_region),
		cmocka_unit_test(expiry_is_known_and_users_are_counted),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
