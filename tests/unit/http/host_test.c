/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/target.h"

#define LABEL63	"a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char	*raw, *host;		/* host NULL: refused */
	unsigned	 port;
} rows[] = {
	{ "a", "a", 0 },
	{ "flow.example.com", "flow.example.com", 0 },
	{ "FLOW.Example.COM", "flow.example.com", 0 },
	{ "flow.example.com.", "flow.example.com", 0 },
	{ "flow.example.com.:443", "flow.example.com", 443 },
	{ "a:1", "a", 1 },
	{ "a:65535", "a", 65535 },
	{ "a-b_c.1", "a-b_c.1", 0 },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example", 0 },
	{ "192.0.2.1:80", "192.0.2.1", 80 },
	{ "[::1]", "[::1]", 0 },
	{ "[::1]:8080", "[::1]", 8080 },
	{ "[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]", 0 },
	{ LABEL63 ".b", LABEL63 ".b", 0 },
	/* 253 bytes, and the dot that does not count. */
	{ LABEL63 "." LABEL63 "." LABEL63 "."
	  "a234567890123456789012345678901234567890123456789012345678901.",
	  LABEL63 "." LABEL63 "." LABEL63 "."
	  "a234567890123456789012345678901234567890123456789012345678901",
	  0 },
	{ LABEL63 "." LABEL63 "." LABEL63 "."
	  "a2345678901234567890123456789012345678901234567890123456789012",
	  NULL, 0 },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".", NULL, 0 },
	{ LABEL63 "4", NULL, 0 },
	{ "", NULL, 0 },
	{ ".", NULL, 0 },
	{ ".a", NULL, 0 },
	{ "a..b", NULL, 0 },
	{ "a..", NULL, 0 },
	{ ":80", NULL, 0 },
	{ "a:", "a", 0 },		/* no digit is a port, too */
	{ "a:0", NULL, 0 },
	{ "a:080", NULL, 0 },
	{ "a:65536", NULL, 0 },
	{ "a:999999", NULL, 0 },
	{ "a:8o", NULL, 0 },
	{ "a:+80", NULL, 0 },
	{ "a:80:80", NULL, 0 },
	{ "a b", NULL, 0 },
	{ " a", NULL, 0 },
	{ "a,b", NULL, 0 },
	{ "a/b", NULL, 0 },
	{ "a?b", NULL, 0 },
	{ "u@a", NULL, 0 },
	{ "a%2eb", NULL, 0 },
	{ "a\\b", NULL, 0 },
	{ "caf\xc3\xa9", NULL, 0 },
	{ "::1", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "[]", NULL, 0 },
	{ "[", NULL, 0 },
	{ "[::1]x", NULL, 0 },
	{ "[::1]:", "[::1]", 0 },
	{ "a::", NULL, 0 },
	{ "[::1]80", NULL, 0 },
	{ "[192.0.2.1]", NULL, 0 },
	{ "[fe80::1%25eth0]", NULL, 0 },
	{ "[v1.a]", NULL, 0 },
};

static void
reads_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice host;
		struct host parsed;
		char *out = xmalloc(256);
		size_t len = strlen(rows[i].raw);
		char *raw = xmalloc(len + 1);
		struct slice text;
		bool good;

		raw = xrealloc(raw, len > 0 ? len : 1);
		memcpy(raw, rows[i].raw, len);
		text = (struct slice){ raw, len };
		good = host_normalise(&host, text, out);
		if (good != (rows[i].host != NULL))
			fail_msg("%s", rows[i].raw);
		assert_int_equal(host_parse(&parsed, text), good);
		if (good) {
			same_slice(rows[i].raw, host, rows[i].host);
			same_slice(rows[i].raw, parsed.name, rows[i].host);
			assert_int_equal(parsed.port, rows[i].port);
		}
		free(raw);
		free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
