/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "net/client_hello.h"

/* --- hellos put together by hand ---------------------------------------------------- */

struct bytes {
	uint8_t		 b[40000];
	size_t		 len;
};

static struct slice
all(const struct bytes *b)
{
	return (struct slice){ (const char *)b->b, b->len };
}

static void
put(struct bytes *b, const void *p, size_t len)
{
	assert_true(b->len + len <= sizeof(b->b));
	if (len > 0)
		memcpy(b->b + b->len, p, len);
	b->len += len;
}

static void
put_number(struct bytes *b, size_t n, unsigned bytes)
{
	while (bytes-- > 0)
		b->b[b->len++] = (uint8_t)(n >> 8 * bytes);
}

static void
put_vector(struct bytes *b, const struct bytes *v, unsigned bytes)
{
	put_number(b, v->len, bytes);
	put(b, v->b, v->len);
}

/* The data of a server_name extension. */
static struct bytes
name_data(const char *name)
{
	struct bytes host = { .len = 0 }, list = { .len = 0 },
	    data = { .len = 0 };

	put(&host, name, strlen(name));
	put_number(&list, 0, 1);
	put_vector(&list, &host, 2);
	put_vector(&data, &list, 2);
	return data;
}

/* Names behind each other: several are a mistake. */
static struct bytes
message(const char *const *names, size_t padding)
{
	struct bytes body = { .len = 0 }, extensions = { .len = 0 },
	    m = { .len = 0 };
	static const uint8_t start[] = { 3, 3 };
	static const uint8_t random[32];

	put(&body, start, 2);
	put(&body, random, 32);
	put_number(&body, 0, 1);
	put_number(&body, 2, 2);
	put_number(&body, 0x1301, 2);
	put_number(&body, 1, 1);
	put_number(&body, 0, 1);
	for (; names != NULL && *names != NULL; names++) {
		struct bytes data = name_data(*names);

		put_number(&extensions, 0, 2);
		put_vector(&extensions, &data, 2);
	}
	put_number(&extensions, 21, 2);	/* padding */
	put_number(&extensions, padding, 2);
	memset(extensions.b + extensions.len, 0, padding);
	extensions.len += padding;
	put_vector(&body, &extensions, 2);
	put_number(&m, 1, 1);
	put_vector(&m, &body, 3);
	return m;
}

/* In records of so many bytes. */
static struct bytes
records(const struct bytes *m, size_t each)
{
	struct bytes r = { .len = 0 };

	for (size_t at = 0; at < m->len; at += each) {
		size_t len = m->len - at < each ? m->len - at : each;

		put_number(&r, 22, 1);
		put_number(&r, 0x0301, 2);
		put_number(&r, len, 2);
		put(&r, m->b + at, len);
	}
	return r;
}

static enum hello_end
read_names(const char *const *names, char name[CLIENT_HELLO_NAME],
    const char **reason)
{
	struct bytes m = message(names, 10), r = records(&m, 16384);
	struct client_hello hello;
	enum hello_end end = client_hello_read(&hello, all(&r), reason);

	snprintf(name, CLIENT_HELLO_NAME, "%s", hello.name);
	return end;
}

/* --- names --------------------------------------------------------------------------- */

static const struct {
	const char	*names[3];
	const char	*name;		/* NULL: refused */
} names[] = {
	{ { NULL }, "" },
	{ { "gb.flow.example.com" }, "gb.flow.example.com" },
	{ { "GB.Flow.Example.COM" }, "gb.flow.example.com" },
	{ { "a_b-c.example" }, "a_b-c.example" },
	{ { "192.0.2.1" }, "192.0.2.1" },	/* not allowed, and harmless */
	{ { "" }, NULL },
	{ { "a b" }, NULL },
	{ { "gb.example\n" }, NULL },
	{ { "*.example" }, NULL },
	{ { "a.example", "a.example" }, NULL },
	{ { "a.example", "b.example" }, NULL },
};

static void
the_name_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[CLIENT_HELLO_NAME];
		const char *reason = "";

		if (read_names(names[i].names, name, &reason) !=
		    (names[i].name != NULL ? HELLO_DONE : HELLO_REFUSED))
			fail_msg("row %zu: %s", i, reason);
		if (names[i].name != NULL)
			assert_string_equal(name, names[i].name);
	}
}

static void
a_name_has_at_most_255_letters(void **state)
{
	char longest[300], name[CLIENT_HELLO_NAME];
	const char *one[] = { longest, NULL };
	const char *reason;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(read_names(one, name, &reason), HELLO_DONE);
	assert_string_equal(name, longest);
	longest[255] = 'a';
	longest[256] = '\0';
	assert_int_equal(read_names(one, name, &reason), HELLO_REFUSED);
}

/* One byte of the extension's data changed; all lengths tell the same else. */
static void
odd_name_lists_are_refused(void **state)
{
	static const struct {
		size_t	 at;
		uint8_t	 value;
	} rows[] = {
		{ 1, 0 },		/* the list is shorter than its data */
		{ 1, 255 },		/* or longer */
		{ 2, 1 },		/* another type of name */
		{ 4, 0 },		/* the name ends before its list */
		{ 4, 200 },
		{ 5, 0 },		/* a NUL in it */
	};
	char name[CLIENT_HELLO_NAME];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes data = name_data("a.example");

		assert_int_equal(client_hello_server_name(all(&data), name),
		    9);
		data.b[rows[i].at] = rows[i].value;
		assert_int_equal(client_hello_server_name(all(&data), name),
		    0);
	}
	assert_int_equal(client_hello_server_name((struct slice){ NULL, 0 },
	    name), 0);
}

/* --- in pieces ------------------------------------------------------------------------ */

static void
every_part_asks_for_more(void **state)
{
	const char *const one[] = { "gb.example", NULL };
	struct bytes m = message(one, 10);

	(void)state;
	for (size_t each = 2; each < m.len + 2; each += each < 20 ? 1 : 17) {
		struct bytes r = records(&m, each);
		struct client_hello hello;
		const char *reason;

		for (size_t len = 0; len < r.len; len++)
			if (client_hello_read(&hello, (struct slice){
			    (const char *)r.b, len }, &reason) != HELLO_MORE)
				fail_msg("%zu of %zu: %s", len, r.len, reason);
		assert_int_equal(client_hello_read(&hello, all(&r), &reason),
		    HELLO_DONE);
		assert_string_equal(hello.name, "gb.example");
	}
}

static void
too_much_is_refused(void **state)
{
	struct bytes m = message(NULL, 30), r = records(&m, 1);
	struct client_hello hello;
	const char *reason;

	(void)state;
	assert_true(m.len > CLIENT_HELLO_RECORDS);
	assert_int_equal(client_hello_read(&hello, all(&r), &reason),
	    HELLO_REFUSED);
	assert_string_equal(reason, "comes in too many records");
	m = message(NULL, CLIENT_HELLO_MAX - 100);
	r = records(&m, 16384);
	assert_int_equal(client_hello_read(&hello, all(&r), &reason),
	    HELLO_DONE);
	m = message(NULL, CLIENT_HELLO_MAX);
	r = records(&m, 16384);
	/* As soon as its length is known. */
	assert_int_equal(client_hello_read(&hello, (struct slice){
	    (const char *)r.b, 9 }, &reason), HELLO_REFUSED);
	assert_string_equal(reason, "is too large");
}

static const struct {
	const char	*what;
	size_t		 at;
	uint8_t		 value;
	const char	*reason;
} broken[] = {
	{ "an alert", 0, 21, "is none: this is not TLS" },
	{ "HTTP", 0, 'G', "is none: this is not TLS" },
	{ "a version of another world", 1, 4, "is none: this is not TLS" },
	{ "an empty record", 4, 0, "comes in a record of a size that is not allowed" },
	{ "a large record", 3, 0x41, "comes in a record of a size that is not allowed" },
	{ "a ServerHello", 5, 2, "is another message" },
	{ "a message that ends early", 8, 40, "is followed by something else" },
	{ "a long session id", 43, 33, "is not well formed" },
	{ "odd cipher suites", 45, 3, "is not well formed" },
	{ "no cipher suites", 45, 0, "is not well formed" },
	{ "extensions that end early", 51, 5, "is not well formed" },
	{ "an extension that is cut off", 55, 80, "has an extension that is cut off" },
};

static void
what_is_no_hello_is_refused(void **state)
{
	const char *const one[] = { "gb.example", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct bytes m = message(one, 10), r = records(&m, 16384);
		struct client_hello hello;
		const char *reason = "";

		r.b[broken[i].at] = broken[i].value;
		if (broken[i].at == 4 || broken[i].at == 3)
			r.b[broken[i].at == 4 ? 3 : 4] = 0;
		if (client_hello_read(&hello, all(&r), &reason) !=
		    HELLO_REFUSED || strcmp(reason, broken[i].reason) != 0)
			fail_msg("%s: %s", broken[i].what, reason);
	}
}

/* --- a real one ------------------------------------------------------------------------- */

static void
openssl_is_understood(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	char name[] = "eu.flow.example.com";

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		SSL *ssl;
		BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
		struct client_hello hello;
		const char *reason = "";
		char *p;
		long n;

		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		ssl = SSL_new(ctx);
		SSL_set_bio(ssl, in, out);
		SSL_set_tlsext_host_name(ssl, name);
		assert_int_equal(SSL_connect(ssl), -1);
		n = BIO_get_mem_data(out, &p);
		if (client_hello_read(&hello, (struct slice){ p, (size_t)n },
		    &reason) != HELLO_DONE)
			fail_msg("%s", reason);
		assert_string_equal(hello.name, name);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_found),
		cmocka_unit_test(a_name_has_at_most_255_letters),
		cmocka_unit_test(odd_name_lists_are_refused),
		cmocka_unit_test(every_part_asks_for_more),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_is_no_hello_is_refused),
		cmocka_unit_test(openssl_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
