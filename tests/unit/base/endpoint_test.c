/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/endpoint.h"

static void
reads_what_may_stand_in_a_file(void **state)
{
	static const struct {
		const char	*in, *out;	/* out NULL: refused */
		enum endpoint_kind kind;
		bool		 tls;
	} rows[] = {
		{ "127.0.0.1:80", "127.0.0.1:80", ENDPOINT_IP, false },
		{ "127.0.0.1:0", "127.0.0.1:0", ENDPOINT_IP, false },
		{ "[::1]:8080", "[::1]:8080", ENDPOINT_IP, false },
		{ "http://127.0.0.1:80", "127.0.0.1:80", ENDPOINT_IP, false },
		{ "https://[::1]:443", "[::1]:443", ENDPOINT_IP, true },
		{ "HTTPS://Engine.Example:443", "engine.example:443",
		    ENDPOINT_NAME, true },
		{ "my_host-1:1", "my_host-1:1", ENDPOINT_NAME, false },
		{ "unix:/run/x.sock", "unix:/run/x.sock", ENDPOINT_UNIX, false },
		{ "", NULL, 0, false },
		{ "https://", NULL, 0, false },
		{ "127.0.0.1", NULL, 0, false },
		{ "127.0.0.1:", NULL, 0, false },
		{ "127.0.0.1:65536", NULL, 0, false },
		{ "10.0.0.256:80", NULL, 0, false },	/* no host name */
		{ "10.0.1:80", NULL, 0, false },
		{ "[::1]", NULL, 0, false },
		{ "::1", NULL, 0, false },
		{ "::1:80", NULL, 0, false },		/* which is it? */
		{ "[127.0.0.1]:80", NULL, 0, false },
		{ "name", NULL, 0, false },
		{ "name:0", NULL, 0, false },
		{ "name:80/path", NULL, 0, false },
		{ "http://name:80/", NULL, 0, false },
		{ "user@name:80", NULL, 0, false },
		{ "na me:80", NULL, 0, false },
		{ ":80", NULL, 0, false },
		{ "ftp://name:80", NULL, 0, false },
		{ "unix:", NULL, 0, false },
		{ "http://unix:4", NULL, 0, false },
		{ "https://UNIX:4", NULL, 0, false },
		{ "unix:relative.sock", NULL, 0, false },
		{ "https://unix:/x", NULL, 0, false },
	};
	char text[ENDPOINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint e = { .port = 9, .kind = ENDPOINT_UNIX };
		bool good = endpoint_parse(&e, slice_of(rows[i].in));

		if (good != (rows[i].out != NULL))
			fail_msg("'%s'", rows[i].in);
		if (!good) {
			assert_int_equal(e.port, 9);	/* untouched */
			continue;
		}
		assert_int_equal(e.kind, rows[i].kind);
		assert_int_equal(e.tls, rows[i].tls);
		assert_int_equal(e.url, strstr(rows[i].in, "://") != NULL);
		assert_string_equal(endpoint_text(&e, text), rows[i].out);
	}
}

static void
long_names_are_refused(void **state)
{
	char text[400];
	struct endpoint e;

	(void)state;
	snprintf(text, sizeof(text), "%0255d:80", 0);
	text[0] = 'a';
	assert_true(endpoint_parse(&e, slice_of(text)));
	snprintf(text, sizeof(text), "%0256d:80", 0);
	text[0] = 'a';
	assert_false(endpoint_parse(&e, slice_of(text)));
	snprintf(text, sizeof(text), "unix:/%0106d", 0);
	assert_true(endpoint_parse(&e, slice_of(text)));
	snprintf(text, sizeof(text), "unix:/%0107d", 0);
	assert_false(endpoint_parse(&e, slice_of(text)));
	assert_false(endpoint_parse(&e, (struct slice){ "unix:/a\0b", 9 }));
}

static void
there_and_back_through_a_socket_address(void **state)
{
	static const char *const texts[] = { "192.0.2.7:443",
	    "[2001:db8::7]:1" };
	struct sockaddr_storage ss;
	struct endpoint e, back;
	char text[ENDPOINT_TEXT];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(endpoint_parse(&e, slice_of(texts[i])));
		assert_int_equal(endpoint_sockaddr(&e, &ss), i == 0 ?
		    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		endpoint_of_sockaddr(&back, (struct sockaddr *)&ss);
		assert_string_equal(endpoint_text(&back, text), texts[i]);
	}
	assert_true(endpoint_parse(&e, SLICE("unix:/run/x.sock")));
	endpoint_sockaddr(&e, &ss);
	assert_string_equal(((struct sockaddr_un *)&ss)->sun_path,
	    "/run/x.sock");
	endpoint_of_sockaddr(&back, (struct sockaddr *)&ss);
	assert_int_equal(back.kind, ENDPOINT_UNIX);
	assert_int_equal(back.addr.family, ADDR_NONE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_may_stand_in_a_file),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(there_and_back_through_a_socket_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
