/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/http_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fiber.h"
#include "base/must.h"

/* --- a server that says what it is told ------------------------------------------ */

static struct {
	int		 fd;
	unsigned	 port;
	pthread_t	 thread;
	unsigned	 accepted;	/* read after the thread has ended */
	pthread_mutex_t	 lock;
	char		 seen[8192];	/* the last request; locked */
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The answer that a path asks for; NULL: none, and the connection stays. */
static const char *
answer_to(const char *request)
{
	static const struct {
		const char	*path, *answer;
	} answers[] = {
		{ " /plain ", "HTTP/1.1 200 OK\r\nX-A: one\r\n"
		    "Content-Length: 5\r\n\r\nhello" },
		{ " /gone ", "HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\n{}" },
		{ " /interim ", "HTTP/1.1 103 Early Hints\r\nX-A: zero\r\n\r\n"
		    "HTTP/1.1 204 None\r\nX-A: two\r\n\r\n" },
		{ " /elsewhere ", "HTTP/1.1 302 Found\r\nLocation: /plain\r\n"
		    "Content-Length: 0\r\n\r\n" },
		{ " /cut ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhal" },
		{ " /junk ", "what is this\r\n\r\n" },
		{ " /huge ", "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strstr(request, answers[i].path) != NULL)
			return answers[i].answer;
	return NULL;
}

/* A whole request into text. */
static bool
read_request(int fd, char *text, size_t cap)
{
	size_t have = 0, need = 0;

	for (;;) {
		const char *end, *length;
		ssize_t n = read(fd, text + have, cap - 1 - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strcasestr(text, "content-length: ");
		need = (size_t)(end + 4 - text) +
		    (length == NULL ? 0 : (size_t)atoi(length + 16));
		if (have >= need)
			break;
	}
	pthread_mutex_lock(&server.lock);
	snprintf(server.seen, sizeof(server.seen), "%s", text);
	pthread_mutex_unlock(&server.lock);
	return true;
}

static void
converse(int fd)
{
	char text[sizeof(server.seen)];

	while (read_request(fd, text, sizeof(text))) {
		const char *answer = answer_to(text);

		if (answer == NULL)
			continue;
		if (write(fd, answer, strlen(answer)) < 0)
			break;
		if (strstr(text, " /huge ") != NULL) {
			char fill[2000] = { 0 };

			if (write(fd, fill, sizeof(fill)) < 0)
				break;
		}
		if (strstr(text, " /cut ") != NULL ||
		    strstr(text, " /junk ") != NULL)
			break;
	}
	close(fd);
}

static void *
serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		server.accepted++;
		converse(fd);
	}
	return NULL;
}

/* --- the world of a test ------------------------------------------------------------ */

static struct loop *loop;
static struct http_client *client;

static int
set_up(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	(void)state;
	server.accepted = 0;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(server.fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	must(listen(server.fd, 10) == 0);
	must(getsockname(server.fd, (struct sockaddr *)&in, &len) == 0);
	server.port = ntohs(in.sin_port);
	must(pthread_create(&server.thread, NULL, serve, NULL) == 0);
	loop = loop_new();
	client = http_client_new(loop, &(struct http_client_options){
	    .connect_ms = 5000 });
	return 0;
}

static void
stop_server(void)
{
	http_client_free(&client);
	if (server.fd < 0)
		return;
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	server.fd = -1;
}

static int
tear_down(void **state)
{
	(void)state;
	stop_server();
	loop_free(&loop);
	return 0;
}

/* --- asking on a fiber ------------------------------------------------------------- */

struct question {
	const char	*path, *method, *body;
	const char	*const *fields;
	uint64_t	 total_ms;
	unsigned	 port;		/* 0: the server's */
	struct http_answer answer;
};

static void
ask_it(void *arg)
{
	struct question *q = arg;
	char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s",
	    q->port == 0 ? server.port : q->port, q->path);
	http_ask(client, &(struct http_request){
	    .method = q->method == NULL ? "GET" : q->method, .url = url,
	    .fields = q->fields, .body = slice_of(q->body),
	    .total_ms = q->total_ms == 0 ? 20000 : q->total_ms,
	    .answer_bytes = 1000 }, &q->answer);
	loop_stop(loop);
}

static void
ask(struct question *q)
{
	fiber_start(ask_it, q);
	loop_run(loop);
	assert_int_equal(fiber_count(), 0);
}

static void
test_every_end(void **state)
{
	static const struct {
		const char	*path;
		enum http_end	 end;
		unsigned	 status;
		const char	*body;
	} rows[] = {
		{ "/plain", HTTP_ANSWERED, 200, "hello" },
		{ "/gone", HTTP_ANSWERED, 410, "{}" },
		{ "/interim", HTTP_ANSWERED, 204, "" },
		{ "/elsewhere", HTTP_ANSWERED, 302, "" },	/* not followed */
		{ "/cut", HTTP_BROKEN, 200, NULL },
		{ "/junk", HTTP_BROKEN, 0, NULL },
		{ "/huge", HTTP_TOO_BIG, 200, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct question q = { .path = rows[i].path };

		ask(&q);
		if (q.answer.end != rows[i].end)
			fail_msg("%s: %s: %s", rows[i].path,
			    http_end_name(q.answer.end), q.answer.why);
		assert_int_equal(q.answer.status, rows[i].status);
		if (rows[i].body != NULL)
			assert_string_equal(buf_cstr(&q.answer.body),
			    rows[i].body);
		else
			assert_true(q.answer.why[0] != '\0');
		http_answer_fini(&q.answer);
	}
}

static void
test_a_body_with_any_method(void **state)
{
	static const char *const fields[] = { "Content-Type: application/json",
	    "ManyWhoTenant: t", NULL };
	static const char *const methods[] = { "POST", "PUT", "DELETE" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct question q = { .path = "/plain", .method = methods[i],
		    .body = "{\"a\": 1}", .fields = fields };

		ask(&q);
		assert_int_equal(q.answer.status, 200);
		http_answer_fini(&q.answer);
		pthread_mutex_lock(&server.lock);
		assert_memory_equal(server.seen, methods[i],
		    strlen(methods[i]));
		assert_non_null(strstr(server.seen, "\r\n\r\n{\"a\": 1}"));
		assert_non_null(strstr(server.seen, "ManyWhoTenant: t\r\n"));
		assert_null(strstr(server.seen, "Expect:"));
		pthread_mutex_unlock(&server.lock);
	}
	/* One connection did. */
	stop_server();
	assert_int_equal(server.accepted, 1);
}

static void
test_time_is_limited(void **state)
{
	struct question q = { .path = "/silence", .total_ms = 100 };

	(void)state;
	ask(&q);
	assert_int_equal(q.answer.end, HTTP_TIMED_OUT);
	http_answer_fini(&q.answer);
}

static void
test_nobody_there(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct question q = { .path = "/plain" };

	(void)state;
	/* Bound, so that nobody else gets it, and not listening. */
	must(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	must(getsockname(fd, (struct sockaddr *)&in, &len) == 0);
	q.port = ntohs(in.sin_port);
	ask(&q);
	assert_int_equal(q.answer.end, HTTP_UNREACHABLE);
	http_answer_fini(&q.answer);
	close(fd);
}

static void
test_a_line_stays_one(void **state)
{
	static const char *const fields[] = { "X-A: b\r\nX-C: d", NULL };
	struct question q = { .path = "/plain", .fields = fields };

	(void)state;
	ask(&q);
	assert_int_equal(q.answer.end, HTTP_REFUSED);
	http_answer_fini(&q.answer);
}

/* --- where it may connect to ------------------------------------------------------- */

static void
test_inner_addresses_are_refused(void **state)
{
	static const char *const hosts[] = { "127.0.0.1" };
	static const struct cidr loopback = {
	    { ADDR_IP4, { 127 } }, 8 };
	static const struct {
		struct call_guard guard;
		enum http_end	 end;
	} rows[] = {
		{ { 0 }, HTTP_REFUSED },
		{ { .allow = &loopback, .nallow = 1 }, HTTP_ANSWERED },
		{ { .allow = &loopback, .nallow = 1, .refuse = &loopback,
		    .nrefuse = 1 }, HTTP_REFUSED },
		{ { .allow = &loopback, .nallow = 1, .refuse_hosts = hosts,
		    .nrefuse_hosts = 1 }, HTTP_REFUSED },
	};

	(void)state;
	/* The one that answers leaves a connection, of no use to the next. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct question q = { .path = "/plain" };

		http_client_change(client, &(struct http_client_options){
		    .guard = &rows[i].guard });
		ask(&q);
		if (q.answer.end != rows[i].end)
			fail_msg("%zu: %s: %s", i,
			    http_end_name(q.answer.end), q.answer.why);
		http_answer_fini(&q.answer);
	}
}

static void
test_addresses_that_are_refused(void **state)
{
	static const struct {
		const char	*addr;
		bool		 permitted;
	} rows[] = {
		{ "8.8.8.8", true },
		{ "2a00:1450:4001::1", true },
		{ "10.1.2.3", false },
		{ "127.0.0.1", false },
		{ "169.254.169.254", false },		/* clouds' credentials */
		{ "100.100.100.200", false },
		{ "168.63.129.16", false },
		{ "0.0.0.0", false },
		{ "::ffff:169.254.169.254", false },
		{ "64:ff9b::a9fe:a9fe", false },
		{ "fd00:ec2::254", false },
		{ "fe80::1", false },
		{ "::1", false },
		{ "::", false },
		{ "224.0.0.1", false },
	};
	const struct call_guard guard = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr addr;

		assert_true(addr_parse(&addr, slice_of(rows[i].addr)));
		if (call_guard_permits(&guard, &addr) != rows[i].permitted)
			fail_msg("%s", rows[i].addr);
	}
}

static void
test_hosts_that_are_refused(void **state)
{
	static const char *const hosts[] = { "corp.example" };
	const struct call_guard guard = { .refuse_hosts = hosts,
	    .nrefuse_hosts = 1 };
	static const struct {
		const char	*host;
		bool		 permitted;
	} rows[] = {
		{ "corp.example", false }, { "CORP.example.", false },
		{ "a.b.corp.example", false }, { "acorp.example", true },
		{ "example", true }, { "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (call_guard_permits_host(&guard, slice_of(rows[i].host)) !=
		    rows[i].permitted)
			fail_msg("%s", rows[i].host);
}

struct outcome {
	bool		 told;
	enum http_end	 end;
};

static void
note(struct http_exchange *x, void *arg)
{
	struct outcome *o = arg;

	o->told = true;
	o->end = http_answer_of(x)->end;
	loop_stop(loop);
}

static void
test_other_schemes_are_refused(void **state)
{
	static const char *const urls[] = { "file:///etc/passwd",
	    "gopher://127.0.0.1/", "http://user:pass@127.0.0.1/", "",
	    "http://", "http://a b/" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct outcome o = { 0 };
		struct http_exchange *x = http_start(client,
		    &(struct http_request){ .method = "GET", .url = urls[i],
		    .total_ms = 1000, .answer_bytes = 10 }, note, &o);

		assert_false(o.told);	/* never from within the call */
		loop_run(loop);
		if (o.end != HTTP_REFUSED)
			fail_msg("%s: %s", urls[i], http_end_name(o.end));
		http_exchange_free(&x);
	}
}

/* --- cancelling ---------------------------------------------------------------------- */

static void
never(struct http_exchange *x, void *arg)
{
	(void)x;
	(void)arg;
	fail_msg("called after it was cancelled");
}

static void
test_cancel_is_silence(void **state)
{
	char url[64];
	struct question q = { .path = "/plain" };
	struct http_exchange *x, *bad;

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/gone", server.port);
	x = http_start(client, &(struct http_request){ .method = "GET",
	    .url = url, .total_ms = 1000, .answer_bytes = 10 }, never, NULL);
	bad = http_start(client, &(struct http_request){ .method = "GET",
	    .url = "", .total_ms = 1000, .answer_bytes = 10 }, never, NULL);
	http_exchange_free(&x);
	http_exchange_free(&bad);
	assert_null(x);
	ask(&q);
	assert_int_equal(q.answer.status, 200);
	http_answer_fini(&q.answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		TEST(test_every_end),
		TEST(test_a_body_with_any_method),
		TEST(test_time_is_limited),
		TEST(test_nobody_there),
		TEST(test_a_line_stays_one),
		TEST(test_inner_addresses_are_refused),
		TEST(test_addresses_that_are_refused),
		TEST(test_hosts_that_are_refused),
		TEST(test_other_schemes_are_refused),
		TEST(test_cancel_is_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
