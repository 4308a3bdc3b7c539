/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "base/buf.h"
#include "policy/restrictions_feed.h"

#define T "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define F "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
#define G "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c02"

static void
pages_are_read_strictly(void **state)
{
	static const struct {
		const char	*text, *why;
	} rows[] = {
		{ "", "not JSON" },
		{ "[]", "epoch" },
		{ "{\"epoch\":\"\"}", "epoch" },
		{ "{\"epoch\":\"0123456789012345678901234567890123456789\"}",
		    "epoch" },
		{ "{\"epoch\":\"e\"}", "revision" },
		{ "{\"epoch\":\"e\",\"revision\":-1}", "revision" },
		{ "{\"epoch\":\"e\",\"revision\":1}", "newest" },
		{ "{\"epoch\":\"e\",\"revision\":2,\"newest\":1}",
		    "later than" },
		{ "{\"epoch\":\"e\",\"revision\":1,\"newest\":1}",
		    "changes" },
		{ "{\"epoch\":\"e\",\"epoch\":\"f\",\"revision\":1,"
		    "\"newest\":1,\"changes\":[]}", "not JSON" },
	};
	struct feed_page page;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (feed_page_open(&page, slice_of(rows[i].text), &err))
			fail_msg("row %zu is no page", i);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static const struct restrictions *
take(const char *text, size_t bad)
{
	struct restrictions_edit *edit = restrictions_edit(NULL, NULL,
	    world_key);
	struct arena *scratch = arena_new(0);
	const struct restrictions *set;
	struct feed_page page;
	struct err err;

	assert_true(feed_page_open(&page, slice_of(text), &err));
	assert_int_equal(feed_page_apply(&page, edit, scratch), bad);
	set = restrictions_edit_end(&edit, page.revision);
	feed_page_close(&page);
	arena_free(&scratch);
	return set;
}

static bool
permits(const struct restriction *r, const char *country)
{
	return restriction_permits_place(r, place_from_codes(
	    slice_of(country), slice_of("")));
}

#define LIST(codes) "{\"enabled\":true,\"countries\":[" codes "]}"

static void
changes_bind(void **state)
{
	const struct restrictions *set = take("{\"epoch\":\"e\","
	    "\"revision\":7,\"newest\":9,\"changes\":["
	    "{\"tenant\":\"" T "\",\"restrictions\":{\"execution\":"
	    LIST("\"DE\"") "}},"
	    "{\"tenant\":\"" T "\",\"flow\":\"" F "\",\"restrictions\":"
	    "{\"access\":" LIST("\"SZ\"") "}},"
	    /* a code of tomorrow: nobody, rather than everybody */
	    "{\"tenant\":\"" T "\",\"flow\":\"" G "\",\"restrictions\":"
	    "{\"access\":" LIST("\"SZ\",\"QQ\"") "}},"
	    "{\"tenant\":\"x\",\"restrictions\":null},"
	    "{\"tenant\":\"" T "\",\"flow\":7}]}", 3);
	struct restriction_hit hit = restrictions_find(set, SLICE(T),
	    SLICE(F));

	(void)state;
	assert_int_equal(restrictions_revision(set), 7);
	assert_true(permits(hit.flow.access, "SZ"));
	assert_false(permits(hit.flow.access, "FR"));
	assert_true(permits(hit.tenant.execution, "DE"));
	hit = restrictions_find(set, SLICE(T), SLICE(G));
	assert_false(permits(hit.flow.access, "SZ"));
	assert_false(permits(hit.flow.execution, "SZ"));
	restrictions_release(&set);
}

static void
write_copy(struct buf *file)
{
	const struct restrictions *set = take("{\"epoch\":\"e\","
	    "\"revision\":7,\"newest\":7,\"changes\":["
	    "{\"tenant\":\"" T "\",\"restrictions\":{\"execution\":"
	    "{\"enabled\":true,\"continents\":[\"EU\"]}}},"
	    "{\"tenant\":\"" T "\",\"flow\":\"" F "\",\"restrictions\":"
	    "{\"access\":" LIST("\"SZ\"") ",\"execution\":"
	    "{\"enabled\":true,\"unions\":[\"EU\"]}}},"
	    "{\"tenant\":\"" T "\",\"flow\":\"" G "\",\"restrictions\":"
	    "{\"access\":" LIST("") "}}]}", 0);
	const struct restrictions_copy head = { "epoch", 7, 12345 };

	restrictions_copy_write(set, &head, file);
	restrictions_release(&set);
}

static void
copies_hold_the_set(void **state)
{
	struct restrictions_copy head;
	const struct restrictions *set;
	struct restriction_hit hit;
	struct buf file = { 0 };
	struct err err;

	(void)state;
	write_copy(&file);
	set = restrictions_copy_read(buf_all(&file), world_key, &head, &err);
	assert_non_null(set);
	assert_string_equal(head.epoch, "epoch");
	assert_int_equal(head.revision, 7);
	assert_int_equal(head.confirmed_ms, 12345);
	assert_int_equal(restrictions_count(set), 3);
	hit = restrictions_find(set, SLICE(T), SLICE(F));
	assert_true(permits(hit.flow.access, "SZ"));
	assert_false(permits(hit.flow.access, "DE"));
	assert_true(permits(hit.flow.execution, "FR"));
	assert_false(permits(hit.flow.execution, "GB"));
	assert_true(permits(hit.tenant.execution, "GB"));
	hit = restrictions_find(set, SLICE(T), SLICE(G));
	assert_false(permits(hit.flow.access, "SZ"));
	restrictions_release(&set);
	buf_fini(&file);
}

/* Every bit of it counts, and so does its end. */
static void
damaged_copies_are_not_used(void **state)
{
	struct restrictions_copy head;
	struct buf file = { 0 };
	struct err err;

	(void)state;
	write_copy(&file);
	for (size_t i = 0; i < file.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			file.p[i] = (char)(file.p[i] ^ 1 << bit);
			if (restrictions_copy_read(buf_all(&file), world_key,
			    &head, &err) != NULL)
				fail_msg("byte %zu bit %d", i, bit);
			file.p[i] = (char)(file.p[i] ^ 1 << bit);
		}
		assert_null(restrictions_copy_read((struct slice){ file.p, i },
		    world_key, &head, &err));
	}
	buf_char(&file, '\0');
	assert_null(restrictions_copy_read(buf_all(&file), world_key, &head,
	    &err));
	buf_fini(&file);
}

static void
the_time_alone_may_be_new(void **state)
{
	struct restrictions_copy head = { "epoch", 7, 99999 };
	uint8_t bytes[RESTRICTIONS_COPY_HEAD];
	const struct restrictions *set;
	uint64_t body_bytes, body_hash;
	struct buf file = { 0 };
	struct err err;

	(void)state;
	write_copy(&file);
	restrictions_copy_body(buf_all(&file), &body_bytes, &body_hash);
	restrictions_copy_head(&head, body_bytes, body_hash, bytes);
	memcpy(file.p, bytes, sizeof(bytes));
	head.confirmed_ms = 0;
	set = restrictions_copy_read(buf_all(&file), world_key, &head, &err);
	assert_non_null(set);
	assert_int_equal(head.confirmed_ms, 99999);
	restrictions_release(&set);
	buf_fini(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_read_strictly),
		cmocka_unit_test(changes_bind),
		cmocka_unit_test(copies_hold_the_set),
		cmocka_unit_test(damaged_copies_are_not_used),
		cmocka_unit_test(the_time_alone_may_be_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
