/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/config.h"
#include "conf/mistakes.h"
#include "policy/path_class.h"

static char dir[] = "/tmp/portolan-dump-XXXXXX";

static int
begin(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const char *
file_with(const char *name, const char *text)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void
dump(struct buf *out, const char *file)
{
	struct mistakes mistakes;
	struct buf told = { 0 };
	bool good;

	mistakes_init(&mistakes);
	good = config_dump(out, file, &mistakes);
	mistakes_print(&mistakes, &told);
	if (!good)
		print_error("%s%s", buf_cstr(&told), buf_cstr(out));
	assert_true(good);
	buf_fini(&told);
	mistakes_fini(&mistakes);
}

/* text, the dump of it, and the dump of that: the last two are the same. */
static void
dump_twice(struct buf *first, const char *text)
{
	struct buf second = { 0 };

	dump(first, file_with("portolan.yaml", text));
	dump(&second, file_with("again.yaml", buf_cstr(first)));
	assert_string_equal(buf_cstr(first), buf_cstr(&second));
	buf_fini(&second);
}

static void
has(struct buf *out, const char *line)
{
	char text[256];

	snprintf(text, sizeof(text), "\n%s\n", line);
	if (strstr(buf_cstr(out), text) == NULL)
		print_error("no line '%s' in\n%s", line, buf_cstr(out));
	assert_non_null(strstr(buf_cstr(out), text));
}

static void
defaults_are_filled_in(void **state)
{
	struct buf out = { 0 };
	char line[160];

	(void)state;
	dump_twice(&out, "region: GB\nmain_region: US\n"
	    "listeners:\n  - {name: web, address: \"[::1]:80\"}\n"
	    "timeouts: {idle: 5s}\n");
	has(&out, "  - name: web");
	has(&out, "    address: \"[::1]:80\"");
	has(&out, "    kind: client");
	has(&out, "  idle: 5s");
	has(&out, "  head: 10s");
	has(&out, "  via: portolan-gb");
	has(&out, "  max_changed: 1%");
	has(&out, "  socket: /run/portolan/admin.sock");
	has(&out, "state_dir: /run/portolan");
	has(&out, "  access: stdout");
	snprintf(line, sizeof(line), "regions: %s/regions.yaml", dir);
	has(&out, line);
	/* Where a key of them has to be given there is no section at all. */
	assert_null(strstr(buf_cstr(&out), "\nlink:"));
	assert_null(strstr(buf_cstr(&out), "tls:\n    certificate"));
	assert_null(strstr(buf_cstr(&out), "\nstore:"));
	buf_fini(&out);
}

static const char everything[] = "region: \"NO\"\nmain_region: US\n"
    "run_dir: run\n"
    "listeners:\n"
    "  - name: web\n    address: \"127.0.0.1:80\"\n"
    "    tls: {certificate: a.pem, key: /b/a.key, more: [{certificate: c.pem, "
    "key: c.key}], protocols: [http/1.1]}\n"
    "    proxy: {from: 10.0.0.0/8}\n"
    "  - {name: link, kind: link, address: \"127.0.0.1:81\"}\n"
    "hosts:\n  global: []\n  main:\n"
    "link:\n  certificate: l.pem\n  key: l.key\n  ca: ca.pem\n"
    "  peers:\n    US: [\"us:1\", \"us:2\"]\n    GB: gb:1\n"
    "    AU: {addresses: \"au:1\", terminate: in-region, tls_port: 8445}\n"
    "engines: {keys: [k1, k2], follow: {key: f.key}}\n"
    "store:\n  postgres: \"host=db password=geheim\"\n"
    "  peers: {US: postgres://u:geheim@us/x}\n"
    "  sets: [{regions: [US, \"NO\"], database: flow_no_us, port: 5433}]\n"
    "explain: {keys: e.key}\n"
    "log:\n  access:\n    - access.log\n    - {to: \"syslog:udp:192.0.2.1:5\"}\n"
    "    - stdout\n  audit: audit.log\n"
    "cors: {origins: \"*\"}\n"
    "console:\n  address: 127.0.0.1:82\n"
    "  tls: {certificate: t.pem, key: t.key}\n";

static void
whatever_is_given_is_kept(void **state)
{
	struct buf out = { 0 };
	char line[160];

	(void)state;
	dump_twice(&out, everything);
	assert_int_equal(strncmp(buf_cstr(&out), "region: NO\n", 11), 0);
	has(&out, "      protocols:\n        - http/1.1");
	has(&out, "      key: /b/a.key");
	snprintf(line, sizeof(line), "        - certificate: %s/c.pem\n"
	    "          key: %s/c.key", dir, dir);
	has(&out, line);
	has(&out, "  global: []\n  main:");
	has(&out, "    US:\n      - us:1\n      - us:2\n    GB: gb:1\n    AU:\n"
	    "      addresses: au:1\n      terminate: in-region\n"
	    "      tls_port: 8445");
	has(&out, "  postgres: \"host=db password=xxxxx\"");
	has(&out, "    US: postgres://u:xxxxx@us/x");
	has(&out, "  sets:\n    - regions:\n        - US\n        - NO\n"
	    "      database: flow_no_us\n      port: 5433");
	assert_null(strstr(buf_cstr(&out), "geheim"));
	snprintf(line, sizeof(line), "    - %s/access.log\n"
	    "    - to: syslog:udp:192.0.2.1:5\n      format: json\n"
	    "      facility: local0\n    - stdout", dir);
	has(&out, line);
	snprintf(line, sizeof(line), "  socket: %s/run/admin.sock", dir);
	has(&out, line);
	has(&out, "  origins: \"*\"");
	has(&out, "    client_certificate: required");
	buf_fini(&out);
}

/* The default of paths is written down in two folders. */
static void
default_paths_are_those_in_use(void **state)
{
	struct arena *arena = arena_new(0);
	struct mistakes mistakes;
	struct buf out = { 0 };
	const struct config *config;
	const struct path_classes *usual = path_classes_build(arena, NULL, 0);

	(void)state;
	dump_twice(&out, "region: GB\nmain_region: US\n"
	    "listeners: [{name: web, address: \"127.0.0.1:80\"}]\n");
	mistakes_init(&mistakes);
	config = config_parse(arena, "a.yaml", buf_all(&out), &mistakes, NULL);
	assert_int_equal(mistakes.errors, 0);
	assert_int_equal(config->nruntime_paths, 5);
	for (size_t i = 0; i < config->nruntime_paths; i++)
		assert_int_equal(path_class_of(usual,
		    slice_of(config->runtime_paths[i])), PATH_RUNTIME);
	buf_fini(&out);
	mistakes_fini(&mistakes);
	arena_free(&arena);
}

static void
mistakes_are_told_instead(void **state)
{
	struct mistakes mistakes;
	struct buf out = { 0 };

	(void)state;
	mistakes_init(&mistakes);
	assert_false(config_dump(&out, file_with("bad.yaml", "region: 1\n"),
	    &mistakes));
	assert_int_equal(out.len, 0);
	assert_true(mistakes.errors > 0);
	mistakes_fini(&mistakes);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(whatever_is_given_is_kept),
		cmocka_unit_test(default_paths_are_those_in_use),
		cmocka_unit_test(mistakes_are_told_instead),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
