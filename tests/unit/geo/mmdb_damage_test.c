/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Every way in which a database file gets damaged on its way to us, and what
 * is said about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "geo/country.h"
#include "unit/geo/fixture.h"

#define WORLD "tests/data/mmdb/own/world-nested.mmdb"
#define CITY "tests/data/mmdb/maxmind/good/GeoIP2-City-Test.mmdb"

static char folder[] = "/tmp/portolan-mmdb-XXXXXX";
static char path[64];

static int
make_folder(void **state)
{
	(void)state;
	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/geo.mmdb", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void
write_file(struct slice bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.len), bytes.len);
	close(fd);
}

static void
assert_refused(struct slice bytes, const char *word)
{
	struct mmdb *db;
	struct err err;

	write_file(bytes);
	db = mmdb_open(path, &err);
	if (db != NULL)
		fail_msg("accepted, though it should be: %s", word);
	if (strncmp(err.text, path, strlen(path)) != 0 ||
	    strstr(err.text, word) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, word);
}

static const struct {
	const char	*bytes;
	size_t		 len;		/* 0: of the text */
	const char	*word;
} strangers[] = {
	{ "<!DOCTYPE html><html><body>Sign in</body></html>", 0, "web page" },
	{ "\xef\xbb\xbf \r\n<html>", 0, "web page" },
	{ "\x1f\x8b\x08\0\0\0\0\0", 8, "gzip" },
	{ "PK\3\4rest", 0, "ZIP" },
	{ "\xfd" "7zXZ\0rest", 10, "xz" },
	{ "BZh91AY", 0, "bzip2" },
	{ "\x28\xb5\x2f\xfdrest", 0, "zstd" },
	{ "{\"error\":\"invalid licence key\"}", 0, "JSON" },
	{ "1.0.0.0,1.0.0.255,AU\n", 0, "no MMDB metadata" },
	{ "\xab\xcd\xefMaxMind.com", 0, "metadata should begin" },
	{ "\xab\xcd\xefMaxMind.com\xe0", 0, "metadata is damaged" },
	{ "\xab\xcd\xefMaxMind.com\xff\xff", 0, "metadata at the end" },
	{ "\0", 1, "no MMDB metadata" },
};

static void
files_that_are_something_else(void **state)
{
	char tar[512] = "GeoLite2-Country/";

	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		assert_refused((struct slice){ strangers[i].bytes,
		    strangers[i].len > 0 ? strangers[i].len :
		    strlen(strangers[i].bytes) }, strangers[i].word);
	memcpy(tar + 257, "ustar", 5);
	assert_refused((struct slice){ tar, sizeof(tar) }, "tar archive");
	assert_refused((struct slice){ "", 0 }, "empty");
}

static void
paths_that_are_no_files(void **state)
{
	struct err err;

	(void)state;
	assert_null(mmdb_open("/nonexistent/geo.mmdb", &err));
	assert_non_null(strstr(err.text, "No such file"));
	assert_null(mmdb_open(folder, &err));
	assert_non_null(strstr(err.text, "not a regular file"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(mmdb_open(path, &err));	/* and does not wait for a writer */
	assert_non_null(strstr(err.text, "not a regular file"));
	unlink(path);
	assert_null(mmdb_open("/dev/zero", &err));
	assert_null(mmdb_open_bytes("", 0, &err));
}

static void
a_file_of_a_gigabyte(void **state)
{
	struct err err;
	int fd;

	(void)state;
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1 << 30), 0);	/* a hole: no bytes */
	close(fd);
	assert_null(mmdb_open(path, &err));
	assert_non_null(strstr(err.text, "limit"));
}

/* An accepted file must answer; what it says is compared by the caller. */
static bool
opens(struct slice bytes, struct err *err)
{
	struct mmdb *db = mmdb_open_bytes(bytes.p, bytes.len, err);
	struct addr ip = addr_of_text("11.3.0.1");

	if (db == NULL) {
		assert_true(err->text[0] != '\0');
		return false;
	}
	mmdb_lookup(db, &ip);
	mmdb_close(&db);
	return true;
}

static void
truncated_anywhere(void **state)
{
	static const char *const files[] = { WORLD, CITY };
	struct err err;

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct slice file = file_read(files[f]);

		for (size_t len = 1; len < file.len; len += 1 + len / 200)
			assert_false(opens((struct slice){ file.p, len }, &err));
		for (size_t cut = 1; cut < 200; cut++)
			assert_false(opens((struct slice){ file.p,
			    file.len - cut }, &err));
		file_free(&file);
	}
}

/* The end of a good file behind a hole, as an interrupted copy leaves it. */
static void
beginning_is_missing(void **state)
{
	struct slice file = file_read(WORLD);
	struct err err;

	(void)state;
	for (size_t cut = 1; cut < file.len; cut += 1 + cut / 20)
		assert_false(opens((struct slice){ file.p + cut,
		    file.len - cut }, &err));
	file_free(&file);
}

static char *
copy_of(struct slice file)
{
	char *copy = xmalloc(file.len);

	memcpy(copy, file.p, file.len);
	return copy;
}

/* Zeros over a part, wherever it lies and however long it is. */
static void
zeroed_inside(void **state)
{
	static const char *const files[] = { WORLD, CITY };
	static const size_t lengths[] = { 64, 512, 4096 };

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct slice file = file_read(files[f]);

		for (size_t l = 0; l < 3; l++)
			for (size_t at = 0; at + lengths[l] < file.len;
			    at += lengths[l] / 2) {
				char *copy = copy_of(file);
				struct err err = { "" };

				memset(copy + at, 0, lengths[l]);
				if (opens((struct slice){ copy, file.len },
				    &err))
					fail_msg("%s: %zu zeros at %zu",
					    files[f], lengths[l], at);
				free(copy);
			}
		file_free(&file);
	}
}

static void
flip(char *bytes, size_t bit)
{
	bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
}

/*
 * A flipped bit in a record that leads to a node is always noticed: the node
 * has lost its way, or another has two.  In a record that leads to data, or
 * nowhere, a bit can make one country of another, which nobody can notice here
 * (the well-known addresses, and the comparison with the database in service,
 * are for that); it must never do more.
 */
static void
flipped_bits(void **state)
{
	enum { NODES = 670, TREE_BITS = NODES * 6 * 8 };
	struct slice file = file_read(WORLD);
	unsigned leading_to_nodes = 0;

	(void)state;
	for (size_t bit = 0; bit < file.len * 8; bit += 7) {
		const uint8_t *record = (const uint8_t *)file.p + bit / 24 * 3;
		bool to_node = bit < TREE_BITS && ((uint32_t)record[0] << 16 |
		    (uint32_t)record[1] << 8 | record[2]) < NODES;
		char *copy = copy_of(file);
		struct err err;

		flip(copy, bit);
		if (opens((struct slice){ copy, file.len }, &err) && to_node)
			fail_msg("bit %zu", bit);
		leading_to_nodes += to_node;
		free(copy);
	}
	assert_true(leading_to_nodes > 2000);
	file_free(&file);
}

/* A tree of one node, whose records lead back to it. */
static void
cycles(void **state)
{
	static const unsigned versions[] = { 4, 6 };
	static const char *const trees[] = { "\0\0\0\0\0\0", "\0\0\0\0\0\x01",
	    "\0\0\x01\0\0\0" };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct buf b = { .p = NULL };
		struct err err;

		buf_add(&b, trees[i % 3], 6);
		buf_add(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		buf_text(&b, "\xe1\x4c" "country_code" "\x42" "GB"
		    "\xab\xcd\xef" "MaxMind.com" "\xe9"
		    "\x5b" "binary_format_major_version" "\xa1\x02"
		    "\x4a" "node_count" "\xc1\x01"
		    "\x4b" "record_size" "\xa1\x18"
		    "\x4b" "build_epoch" "\x01\x02\x01"
		    "\x4d" "database_type" "\x41" "x"
		    "\x5b" "binary_format_minor_version" "\xa1\x01"
		    "\x4b" "description" "\xe0" "\x49" "languages");
		buf_add(&b, "\0\4", 2);	/* an empty array */
		buf_text(&b, "\x4a" "ip_version" "\xa1");
		buf_char(&b, (char)versions[i / 3]);
		assert_null(mmdb_open_bytes(b.p, b.len, &err));
		if (strstr(err.text, "two records lead to node 0") == NULL)
			fail_msg("%s", err.text);
		buf_fini(&b);
	}
}

static bool
count_network(void *arg, const struct cidr *net, struct place place)
{
	(void)net;
	(void)place;
	return ++*(unsigned *)arg < 100000;
}

/* Several bits at once, by a seed; what opens must also be walked. */
static void
many_flipped_bits(void **state)
{
	struct slice file = file_read(WORLD);
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char *copy = copy_of(file);
		unsigned networks = 0, flips = 1 + (unsigned)i % 16;
		struct err err;
		struct mmdb *db;

		while (flips-- > 0)
			flip(copy, next_random(&seed) % (file.len * 8));
		db = mmdb_open_bytes(copy, file.len, &err);
		if (db != NULL)
			mmdb_walk(db, count_network, &networks);
		mmdb_close(&db);
		free(copy);
	}
	file_free(&file);
}

/* The file is ours no more once it is open: others write into it. */
static void
overwritten_while_serving(void **state)
{
	struct slice file = file_read(WORLD);
	struct addr ip = addr_of_text("11.3.0.1");
	char *junk = copy_of(file);
	struct mmdb *db;
	struct err err;

	(void)state;
	unlink(path);
	write_file(file);
	db = mmdb_open(path, &err);
	assert_non_null(db);
	memset(junk, 0x5a, file.len);
	write_file((struct slice){ junk, file.len });
	assert_string_equal(country_code(mmdb_lookup(db, &ip).country), "AG");
	assert_int_equal(truncate(path, 0), 0);
	assert_string_equal(country_code(mmdb_lookup(db, &ip).country), "AG");
	mmdb_close(&db);
	free(junk);
	file_free(&file);
}

/* A country of one's own: 200.0.0.0/5 as Brazil and so on, all wrong. */
static void
a_world_in_the_wrong_places(void **state)
{
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };
	struct err err;

	(void)state;
	range_text_read(&t, "test", SLICE("0.0.0.0/1,BR\n128.0.0.0/2,FJ\n"));
	assert_true(range_text_settle(&t));
	mmdb_write(&bytes, &(struct mmdb_source){ t.ranges, t.count, "World",
	    "wrong", 1 });
	assert_null(mmdb_open_bytes(bytes.p, bytes.len, &err));
	assert_non_null(strstr(err.text, "well-known"));
	range_text_fini(&t);
	buf_fini(&bytes);
}

/* Only continents: nothing that a map or a restriction by country can use. */
static void
no_country_at_all(void **state)
{
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };
	struct err err;

	(void)state;
	range_text_read(&t, "test", SLICE("1.0.0.0/24,EU\n1.0.1.0/24,AP\n"));
	assert_true(range_text_settle(&t));
	mmdb_write(&bytes, &(struct mmdb_source){ t.ranges, t.count, "World",
	    "continents", 1 });
	assert_null(mmdb_open_bytes(bytes.p, bytes.len, &err));
	assert_non_null(strstr(err.text, "names a country"));
	range_text_fini(&t);
	buf_fini(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_something_else),
		cmocka_unit_test(paths_that_are_no_files),
		cmocka_unit_test(a_file_of_a_gigabyte),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(beginning_is_missing),
		cmocka_unit_test(zeroed_inside),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(cycles),
		cmocka_unit_test(many_flipped_bits),
		cmocka_unit_test(overwritten_while_serving),
		cmocka_unit_test(a_world_in_the_wrong_places),
		cmocka_unit_test(no_country_at_all),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
