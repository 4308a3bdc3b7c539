/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "base/buf.h"
#include "http/multipart.h"

#define TYPE		"multipart/form-data; boundary=b"
#define FORM(name)	"Content-Disposition: form-data; name=\"" name "\""
#define PART(name, content) \
	"--b\r\n" FORM(name) "\r\n\r\n" content "\r\n"
#define WANTED		"FileDataRequest"

static void
reads_boundaries(void **state)
{
	static const struct {
		const char	*type, *boundary;	/* NULL: refused */
	} rows[] = {
		{ TYPE, "b" },
		{ "Multipart/Form-Data;BOUNDARY=b", "b" },
		{ "multipart/form-data; charset=utf-8; boundary=b", "b" },
		{ "multipart/form-data; boundary=\"b c'()+_,-./:=?d\"",
		    "b c'()+_,-./:=?d" },
		{ "multipart/form-data; boundary=----WebKitFormBoundary7MA4Y",
		    "----WebKitFormBoundary7MA4Y" },
		{ "multipart/form-data; boundary=1234567890123456789012345678"
		  "901234567890123456789012345678901234567890",
		    "1234567890123456789012345678"
		    "901234567890123456789012345678901234567890" },
		{ "multipart/form-data; boundary=1234567890123456789012345678"
		  "9012345678901234567890123456789012345678901", NULL },
		{ "multipart/form-data", NULL },
		{ "multipart/form-data; boundary=", NULL },
		{ "multipart/form-data; boundary=\"\"", NULL },
		{ "multipart/form-data; boundary=\"b \"", NULL },
		{ "multipart/form-data; boundary=\"b", NULL },
		{ "multipart/form-data; boundary=\"a\\b\"", NULL },
		{ "multipart/form-data; boundary=\"a\"b", NULL },
		{ "multipart/form-data; boundary=a b", NULL },
		{ "multipart/form-data; boundary=a=b", NULL },
		{ "multipart/form-data; boundary=\"a*b\"", NULL },
		{ "multipart/form-data; boundary=a; boundary=b", NULL },
		{ "multipart/form-data; boundary =b", NULL },
		{ "multipart/form-data, boundary=b", NULL },
		{ "multipart/mixed; boundary=b", NULL },
		{ "application/json", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct multipart m;
		bool good = multipart_init(&m, slice_of(rows[i].type));

		if (good != (rows[i].boundary != NULL))
			fail_msg("%s", rows[i].type);
		if (good)
			same_slice("boundary", (struct slice){
			    m.delimiter + 4, m.delimiter_len - 4 },
			    rows[i].boundary);
	}
}

/* Parts, until the wanted one; last: the body is whole. */
static enum multipart_step
find_on(struct multipart *m, struct slice body, bool last,
    struct slice *content)
{
	struct multipart_part part;
	enum multipart_step step;

	do
		step = multipart_next(m, body, &part);
	while (step == MULTIPART_PART &&
	    !slice_eq_nocase(part.name, SLICE(WANTED)));
	if (step == MULTIPART_PART)
		*content = part.content;
	return step == MULTIPART_MORE && last ? MULTIPART_BAD : step;
}

static enum multipart_step
find(const char *p, size_t len, bool last, struct slice *content)
{
	struct multipart m;

	assert_true(multipart_init(&m, SLICE(TYPE)));
	return find_on(&m, (struct slice){ p, len }, last, content);
}

static const struct {
	const char		*body;
	enum multipart_step	 step;
	const char		*content;	/* of MULTIPART_PART */
} bodies[] = {
	{ PART(WANTED, "{}") "--b--\r\n", MULTIPART_PART, "{}" },
	{ PART(WANTED, "{}") "--b--", MULTIPART_PART, "{}" },
	{ PART(WANTED, "") "--b--\r\n", MULTIPART_PART, "" },
	{ PART("FileData", "x") PART(WANTED, "{}") "--b--\r\n",
	    MULTIPART_PART, "{}" },
	{ PART("filedatarequest", "{}") "--b--\r\n", MULTIPART_PART, "{}" },
	{ PART(WANTED, "1") PART(WANTED, "2") "--b--\r\n", MULTIPART_PART,
	    "1" },
	/* Nearly boundaries. */
	{ PART(WANTED, "\n--b\r\n-- b\r\n-b\r\n") "--b--\r\n", MULTIPART_PART,
	    "\n--b\r\n-- b\r\n-b\r\n" },
	{ PART("x", FORM(WANTED) "\r\n\r\n{}") "--b--\r\n", MULTIPART_END,
	    NULL },
	/* Dispositions. */
	{ "--b\r\ncontent-disposition:FORM-DATA;NAME=" WANTED "\r\n\r\n{}"
	  "\r\n--b--", MULTIPART_PART, "{}" },
	{ "--b\r\n" FORM(WANTED) "; filename=\"a;b.json\"\r\n"
	  "Content-Type: application/json\r\nContent-Transfer-Encoding: 8bit"
	  "\r\n\r\n{}\r\n--b--", MULTIPART_PART, "{}" },
	{ "--b\r\n" FORM("x") "; filename=\"C:\\a.txt\"\r\n\r\n{}\r\n--b--",
	    MULTIPART_END, NULL },
	{ "--b\r\n" FORM("x") "; filename*=utf-8''a\r\n\r\n{}\r\n--b--",
	    MULTIPART_END, NULL },
	{ "--b\r\n" FORM("") "\r\n\r\n{}\r\n--b--", MULTIPART_END, NULL },
	/* None at all. */
	{ "--b--\r\n", MULTIPART_END, NULL },
	{ PART("x", "{}") "--b--\r\nepilogue" PART(WANTED, "{}"),
	    MULTIPART_END, NULL },
	/* What does not begin with the boundary. */
	{ "x", MULTIPART_BAD, NULL },
	{ "preamble\r\n" PART(WANTED, "{}") "--b--", MULTIPART_BAD, NULL },
	{ "\r\n" PART(WANTED, "{}") "--b--", MULTIPART_BAD, NULL },
	{ "--c\r\n", MULTIPART_BAD, NULL },
	/* Boundaries with something behind them. */
	{ "--b \r\n" FORM(WANTED) "\r\n\r\n{}\r\n--b--", MULTIPART_BAD,
	    NULL },
	{ "--b\n" FORM(WANTED) "\r\n\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	{ PART(WANTED, "{}") "--bb\r\n", MULTIPART_BAD, NULL },
	{ PART(WANTED, "{}") "--b-x\r\n", MULTIPART_BAD, NULL },
	{ PART("x", "{}") "--b \r\n", MULTIPART_BAD, NULL },
	/* Boundaries where some see them and some do not. */
	{ "--b\r\n" FORM(WANTED) "\r\n\r\n--b--\r\n", MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM(WANTED) "\r\n\r\n--b\r\n{}\r\n--b--", MULTIPART_BAD,
	    NULL },
	{ "--b\r\n" FORM("x") "\r\n--b: y\r\n\r\n{}\r\n--b--", MULTIPART_BAD,
	    NULL },
	/* Heads. */
	{ "--b\r\n\r\n{}\r\n--b--\r\n\r\n", MULTIPART_BAD, NULL },
	{ "--b\r\nX: y\r\n\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM(WANTED) "\n\r\n\r\n{}\r\n--b--", MULTIPART_BAD,
	    NULL },
	{ "--b\r\n" FORM(WANTED) "\r\n folded: x\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM("x") "\r\n" FORM(WANTED) "\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM(WANTED) "\r\nContent-Type: a\r\nContent-Type: b"
	  "\r\n\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM(WANTED) "\r\nContent-Transfer-Encoding: base64"
	  "\r\n\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	/* Names in more than one reading. */
	{ "--b\r\n" FORM("x") "; name=\"" WANTED "\"\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM("x") "; name*=utf-8''" WANTED "\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM("File\\DataRequest") "\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM("x") "; filename=\"a\\\"; name=\"" WANTED "\"\r\n"
	  "\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data; filename=\"a\\\"; name=\""
	  WANTED "\"\r\n\r\n{}\r\n--b--", MULTIPART_BAD, NULL },
	{ "--b\r\n" FORM("x") "; filename=\"a\"; filename=\"b\"\r\n\r\n{}"
	  "\r\n--b--", MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data; name=\"x\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data; name=\"x\"y\r\n\r\n{}\r\n"
	  "--b--", MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data; name\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data; name=\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data;\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: form-datax; name=x\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	{ "--b\r\nContent-Disposition: file; name=x\r\n\r\n{}\r\n--b--",
	    MULTIPART_BAD, NULL },
	/* Whole, and yet not at its end. */
	{ "", MULTIPART_BAD, NULL },
	{ "--b", MULTIPART_BAD, NULL },
	{ PART(WANTED, "{}"), MULTIPART_BAD, NULL },
	{ PART(WANTED, "{}") "--b", MULTIPART_BAD, NULL },
	{ PART("x", "{}") "--b\r\n", MULTIPART_BAD, NULL },
};

static void
finds_the_part(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		size_t len = strlen(bodies[i].body);
		char *block = xmalloc(len + 1);
		struct slice content = { NULL, 0 };
		enum multipart_step step;

		block = xrealloc(block, len > 0 ? len : 1);
		memcpy(block, bodies[i].body, len);
		step = find(block, len, true, &content);
		if (step != bodies[i].step)
			fail_msg("%s: %d", bodies[i].body, step);
		if (bodies[i].content != NULL)
			same_slice(bodies[i].body, content,
			    bodies[i].content);
		free(block);
	}
}

/* Each byte in turn, the body moving every time. */
static void
finds_the_part_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		size_t len = strlen(bodies[i].body);
		struct multipart m;
		enum multipart_step step = MULTIPART_MORE;
		char *block = NULL;
		struct slice content;

		assert_true(multipart_init(&m, SLICE(TYPE)));
		for (size_t have = 0; have <= len && step == MULTIPART_MORE;
		    have++) {
			free(block);
			block = xmalloc(have > 0 ? have : 1);
			memcpy(block, bodies[i].body, have);
			step = find_on(&m, (struct slice){ block, have },
			    have == len, &content);
		}
		if (step != bodies[i].step)
			fail_msg("%s: %d", bodies[i].body, step);
		if (bodies[i].content != NULL)
			same_slice(bodies[i].body, content,
			    bodies[i].content);
		free(block);
	}
}

static void
gives_every_part(void **state)
{
	static const char body[] =
	    "--b\r\n" FORM("FileData") "; filename=\"a%22b.png\"\r\n"
	    "Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--\r\n--b\r\n"
	    FORM("empty") "; filename=\"\"\r\n\r\n\r\n"
	    PART(WANTED, "{\"stateId\":1}") "--b--\r\n";
	struct multipart_part part;
	struct multipart m;

	(void)state;
	assert_true(multipart_init(&m, SLICE(TYPE)));
	assert_int_equal(multipart_next(&m, slice_of(body), &part),
	    MULTIPART_PART);
	same_slice("name", part.name, "FileData");
	same_slice("filename", part.filename, "a%22b.png");
	same_slice("type", part.type, "image/png");
	same_slice("content", part.content, "\x89PNG\r\n\r\n--");
	assert_int_equal(multipart_next(&m, slice_of(body), &part),
	    MULTIPART_PART);
	same_slice("name", part.name, "empty");
	assert_non_null(part.filename.p);
	assert_int_equal(part.filename.len, 0);
	assert_int_equal(part.type.len, 0);
	assert_int_equal(multipart_next(&m, slice_of(body), &part),
	    MULTIPART_PART);
	same_slice("name", part.name, WANTED);
	assert_null(part.filename.p);
	assert_int_equal(multipart_next(&m, slice_of(body), &part),
	    MULTIPART_END);
	assert_int_equal(multipart_next(&m, slice_of(body), &part),
	    MULTIPART_END);
}

static void
stays_bad(void **state)
{
	struct multipart_part part;
	struct multipart m;

	(void)state;
	assert_true(multipart_init(&m, SLICE(TYPE)));
	assert_int_equal(multipart_next(&m, SLICE("--c"), &part),
	    MULTIPART_BAD);
	assert_int_equal(multipart_next(&m, SLICE(PART("a", "") "--b--"),
	    &part), MULTIPART_BAD);
}

static void
limits(void **state)
{
	struct buf b = { 0 };
	struct slice content;
	size_t fixed = strlen(FORM(WANTED) "\r\nX: ");

	(void)state;
	/* The longest head of a part, and one byte more. */
	for (size_t more = 0; more < 2; more++) {
		size_t fill = MULTIPART_HEAD_MAX - fixed + more;

		buf_clear(&b);
		buf_text(&b, "--b\r\n" FORM(WANTED) "\r\nX: ");
		memset(buf_reserve(&b, fill), 'x', fill);
		b.len += fill;
		assert_int_equal(find(b.p, b.len, false, &content),
		    MULTIPART_MORE);
		buf_text(&b, "\r\n\r\n{}\r\n--b--");
		assert_int_equal(find(b.p, b.len, true, &content),
		    more ? MULTIPART_BAD : MULTIPART_PART);
	}
	/* One that never ends is not waited for. */
	buf_clear(&b);
	buf_text(&b, "--b\r\nX: ");
	memset(buf_reserve(&b, MULTIPART_HEAD_MAX + 4), 'x',
	    MULTIPART_HEAD_MAX + 4);
	b.len += MULTIPART_HEAD_MAX + 4;
	assert_int_equal(find(b.p, b.len, false, &content), MULTIPART_BAD);
	/* Fields. */
	for (unsigned more = 0; more < 2; more++) {
		buf_clear(&b);
		buf_text(&b, "--b\r\n" FORM(WANTED) "\r\n");
		for (unsigned i = 1; i < MULTIPART_FIELDS_MAX + more; i++)
			buf_text(&b, "X: y\r\n");
		buf_text(&b, "\r\n{}\r\n--b--");
		assert_int_equal(find(b.p, b.len, true, &content),
		    more ? MULTIPART_BAD : MULTIPART_PART);
	}
	/* Parts. */
	for (unsigned more = 0; more < 2; more++) {
		buf_clear(&b);
		for (unsigned i = 1; i < MULTIPART_PARTS_MAX + more; i++)
			buf_text(&b, PART("x", "y"));
		buf_text(&b, PART(WANTED, "{}") "--b--");
		assert_int_equal(find(b.p, b.len, true, &content),
		    more ? MULTIPART_BAD : MULTIPART_PART);
	}
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_boundaries),
		cmocka_unit_test(finds_the_part),
		cmocka_unit_test(finds_the_part_in_pieces),
		cmocka_unit_test(gives_every_part),
		cmocka_unit_test(stays_bad),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
