/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/target.h"

static const struct good {
	const char	*raw, *path, *query;	/* query NULL: none */
} goods[] = {
	/* Nothing to do. */
	{ "/", "/", NULL },
	{ "/api/run/1", "/api/run/1", NULL },
	{ "/api/run/1/", "/api/run/1/", NULL },
	{ "/a.b/c..d/e.", "/a.b/c..d/e.", NULL },
	{ "/a;b=c/d", "/a;b=c/d", NULL },	/* the policy's business */
	{ "/a=b,c@d:e!f$g&h'i(j)k*l+m", "/a=b,c@d:e!f$g&h'i(j)k*l+m", NULL },
	{ "/a|b^c`d{e}", "/a|b^c`d{e}", NULL },
	/* The query stays as it came. */
	{ "/a?", "/a", "" },
	{ "/a?b=c&d", "/a", "b=c&d" },
	{ "/a?b?c//d/../e\\%zz%2f", "/a", "b?c//d/../e\\%zz%2f" },
	{ "/?%41", "/", "%41" },
	/* Escapes of unreserved characters. */
	{ "/%61%70%69/run", "/api/run", NULL },
	{ "/%41%5A%61%7a%30%39%2D%2e%5f%7E", "/AZaz09-._~", NULL },
	{ "/%7euser", "/~user", NULL },
	/* The others stay escaped, in capitals. */
	{ "/%3b%3f%23%20%25%26", "/%3B%3F%23%20%25%26", NULL },
	{ "/caf%c3%a9", "/caf%C3%A9", NULL },
	{ "/%e2%82%ac", "/%E2%82%AC", NULL },
	{ "/%e0%a4%b9", "/%E0%A4%B9", NULL },
	{ "/%f0%9f%98%80", "/%F0%9F%98%80", NULL },
	{ "/%e9", "/%E9", NULL },		/* Latin-1 of old */
	{ "/%2525", "/%2525", NULL },		/* once and not twice */
	{ "/%252f", "/%252f", NULL },
	/* Dot segments (RFC 3986 5.2.4). */
	{ "/.", "/", NULL },
	{ "/./", "/", NULL },
	{ "/a/.", "/a/", NULL },
	{ "/a/./b", "/a/b", NULL },
	{ "/a/..", "/", NULL },
	{ "/a/../b", "/b", NULL },
	{ "/a/b/c/./../../g", "/a/g", NULL },
	{ "/mid/content=5/../6", "/mid/6", NULL },
	{ "/a/b/../../c", "/c", NULL },
	{ "/a/%2e%2E/b", "/b", NULL },
	{ "/a/%2e./b", "/b", NULL },
	{ "/a/.%2e", "/", NULL },
	{ "/%2e/a", "/a", NULL },
	{ "/a/...", "/a/...", NULL },
	{ "/.../a", "/.../a", NULL },
	{ "/.well-known/x", "/.well-known/x", NULL },
	{ "/..a/.b", "/..a/.b", NULL },
	{ "/a/..?x", "/", "x" },
	{ "/api/file/../run/1", "/api/run/1", NULL },
	/* Absolute form. */
	{ "http://a/b?c", "/b", "c" },
	{ "HTTPS://a:1/b/../c", "/c", NULL },
	{ "http://a", "/", NULL },
	{ "http://a?b", "/", "b" },
	{ "http://a/", "/", NULL },
};

static void
normalises(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		size_t len = strlen(goods[i].raw);
		char *raw = xmalloc(len), *out = xmalloc(len);
		struct target target;
		enum target_verdict verdict;

		memcpy(raw, goods[i].raw, len);
		verdict = target_normalise(&target,
		    (struct slice){ raw, len }, out);
		if (verdict != TARGET_OK)
			fail_msg("%s: %s", goods[i].raw,
			    target_verdict_text(verdict));
		same_slice(goods[i].raw, target.path, goods[i].path);
		assert_false(target.asterisk);
		if (goods[i].query == NULL)
			assert_null(target.query.p);
		else
			same_slice(goods[i].raw, target.query,
			    goods[i].query);
		free(raw);
		free(out);
	}
}

/* What comes out goes in again unchanged, and is not copied then. */
static void
normal_is_normal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct target target;
		char out[64];

		assert_int_equal(target_normalise(&target,
		    slice_of(goods[i].path), out), TARGET_OK);
		same_slice("again", target.path, goods[i].path);
		if (strpbrk(goods[i].path, "%.") == NULL)
			assert_ptr_equal(target.path.p, goods[i].path);
	}
}

static const struct {
	const char		*raw;
	enum target_verdict	 verdict;
} bads[] = {
	{ "/%", TARGET_BAD_ESCAPE },
	{ "/%4", TARGET_BAD_ESCAPE },
	{ "/%4?1", TARGET_BAD_ESCAPE },
	{ "/%4g", TARGET_BAD_ESCAPE },
	{ "/%u0041", TARGET_BAD_ESCAPE },
	{ "/a%", TARGET_BAD_ESCAPE },
	{ "/a%%41", TARGET_BAD_ESCAPE },
	{ "/a%2fb", TARGET_ENCODED_SEPARATOR },
	{ "/a%2Fb", TARGET_ENCODED_SEPARATOR },
	{ "/a%5cb", TARGET_ENCODED_SEPARATOR },
	{ "/a%00", TARGET_ENCODED_SEPARATOR },
	/* UTF-8 that is longer than it need be. */
	{ "/a%c0%afb", TARGET_ENCODED_SEPARATOR },
	{ "/%c0%ae%c0%ae/b", TARGET_ENCODED_SEPARATOR },
	{ "/%C1%9c", TARGET_ENCODED_SEPARATOR },
	{ "/%e0%80%af", TARGET_ENCODED_SEPARATOR },
	{ "/%f0%80%80%af", TARGET_ENCODED_SEPARATOR },
	{ "/a\\b", TARGET_BACKSLASH },
	{ "/\\", TARGET_BACKSLASH },
	{ "/..\\a", TARGET_BACKSLASH },
	{ "//", TARGET_EMPTY_SEGMENT },
	{ "//a", TARGET_EMPTY_SEGMENT },
	{ "/a//b", TARGET_EMPTY_SEGMENT },
	{ "/a/b//", TARGET_EMPTY_SEGMENT },
	{ "/a/..//b", TARGET_EMPTY_SEGMENT },
	{ "/.//a", TARGET_EMPTY_SEGMENT },
	{ "http://a//b", TARGET_EMPTY_SEGMENT },
	/* Cut off first by some, and a dot segment then. */
	{ "/a/..;x/b", TARGET_PARAMETER },
	{ "/a/.;/b", TARGET_PARAMETER },
	{ "/a/%2e%2e;", TARGET_PARAMETER },
	{ "/a/..%3bx/b", TARGET_PARAMETER },
	{ "/a/.%3B", TARGET_PARAMETER },
	{ "/;/a", TARGET_PARAMETER },	/* "//a", and "/a" to some */
	{ "/;x=1/a/b", TARGET_PARAMETER },
	{ "/a/;/b", TARGET_PARAMETER },
	{ "/a/%3bx/b", TARGET_PARAMETER },
	{ "/..", TARGET_ABOVE_ROOT },
	{ "/../", TARGET_ABOVE_ROOT },
	{ "/../a", TARGET_ABOVE_ROOT },
	{ "/a/../..", TARGET_ABOVE_ROOT },
	{ "/./../a", TARGET_ABOVE_ROOT },
	{ "/a/%2e%2e/%2e%2e/b", TARGET_ABOVE_ROOT },
	{ "", TARGET_BAD_FORM },
	{ "a", TARGET_BAD_FORM },
	{ "?a", TARGET_BAD_FORM },
	{ "**", TARGET_BAD_FORM },
	{ "ftp://a/", TARGET_BAD_FORM },
	{ "http:/a", TARGET_BAD_FORM },
	{ "/a b", TARGET_BAD_FORM },
	{ "/a\tb", TARGET_BAD_FORM },
	{ "/a?b c", TARGET_BAD_FORM },
	{ "/a?\x80", TARGET_BAD_FORM },
	{ "/a#b", TARGET_BAD_FORM },
	{ "/a?b#c", TARGET_BAD_FORM },
	{ "http://a#b", TARGET_BAD_FORM },
	{ "/caf\xc3\xa9", TARGET_BAD_FORM },
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		size_t len = strlen(bads[i].raw);
		char *raw = xmalloc(len + 1), *out = xmalloc(len + 1);
		enum target_verdict verdict;
		struct target target;

		/* Blocks of just the size, for the sanitizer. */
		raw = xrealloc(raw, len > 0 ? len : 1);
		out = xrealloc(out, len > 0 ? len : 1);
		memcpy(raw, bads[i].raw, len);
		verdict = target_normalise(&target,
		    (struct slice){ raw, len }, out);
		if (verdict != bads[i].verdict)
			fail_msg("%s: %s", bads[i].raw,
			    target_verdict_text(verdict));
		free(raw);
		free(out);
	}
}

static void
asterisk(void **state)
{
	struct target target;
	char out[1];

	(void)state;
	assert_int_equal(target_normalise(&target, SLICE("*"), out),
	    TARGET_OK);
	assert_true(target.asterisk);
	same_slice("path", target.path, "*");
	assert_null(target.query.p);
}

static void
every_verdict_has_a_text(void **state)
{
	(void)state;
	for (unsigned v = 0; v < TARGET_VERDICTS; v++)
		assert_true(strlen(target_verdict_text(v)) > 5);
	assert_string_equal(target_verdict_text(TARGET_VERDICTS), "");
}

static void
reads_authorities(void **state)
{
	static const struct {
		const char	*raw, *authority;
		unsigned	 port;		/* 0: none to be found */
	} rows[] = {
		{ "http://a", "a", 80 },
		{ "https://a:8/b", "a:8", 443 },
		{ "HtTp://a?b/c", "a", 80 },
		{ "http://", "", 80 },
		{ "http:///a", "", 80 },
		{ "/a", "", 0 },
		{ "http:/a", "", 0 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice authority = { NULL, 0 };
		uint16_t port = 0;

		assert_int_equal(target_authority(slice_of(rows[i].raw),
		    &authority, &port), rows[i].port != 0);
		assert_int_equal(port, rows[i].port);
		same_slice(rows[i].raw, authority, rows[i].authority);
	}
}

static void
fits_paths_of_our_own(void **state)
{
	static const struct {
		const char	*raw, *path;
		bool		 fits;
	} rows[] = {
		{ "/map", "/map", true },
		{ "/map?", "/map", false },
		{ "/map?a", "/map", false },
		{ "/map?", "/map?", true },
		{ "/map?a", "/map?", true },
		{ "/map", "/map?", false },
		{ "/maps?", "/map?", false },
		{ "", "/map?", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (target_fits(slice_of(rows[i].raw), rows[i].path) !=
		    rows[i].fits)
			fail_msg("%s, %s", rows[i].raw, rows[i].path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalises),
		cmocka_unit_test(normal_is_normal),
		cmocka_unit_test(refuses),
		cmocka_unit_test(asterisk),
		cmocka_unit_test(every_verdict_has_a_text),
		cmocka_unit_test(reads_authorities),
		cmocka_unit_test(fits_paths_of_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
