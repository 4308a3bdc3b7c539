/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The world of the serve tests: a server on a loop in a thread of its own,
 * whose handler does what the path of a request says, and a client that sends
 * and expects bytes exactly, plain or over TLS.
 */
#ifndef TESTS_UNIT_SERVE_WORLD_H
#define TESTS_UNIT_SERVE_WORLD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/chunk.h"
#include "serve/serve.h"
#include "support/certificates.h"

enum { WAIT_SECONDS = 20 };

/* --- what the handler has seen ---------------------------------------------------- */

static struct world {
	struct loop	*loop;
	struct listener	*listener;
	struct server	*server;
	struct serve_limits limits;
	struct handler_ops ops;
	struct tls_context *tls;
	bool		 proxied;	/* a PROXY header is demanded */
	bool		 passes;	/* clients may be passed on by name */
	struct endpoint	 at;
	pthread_t	 thread;

	pthread_mutex_t	 lock;		/* of all below */
	pthread_cond_t	 changed;
	char		 trace[4096];
	bool		 called;	/* by on_loop() */
	struct request	*current;	/* only touched on the loop */
} w;

__attribute__((format(printf, 1, 2))) static void
trace(const char *fmt, ...)
{
	size_t len;
	va_list ap;

	pthread_mutex_lock(&w.lock);
	len = strlen(w.trace);
	va_start(ap, fmt);
	vsnprintf(w.trace + len, sizeof(w.trace) - len, fmt, ap);
	va_end(ap);
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

static struct timespec
deadline_of(int seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += seconds;
	return ts;
}

/* Until the trace is exactly this. */
static inline void
expect_trace(const char *expected)
{
	struct timespec until = deadline_of(WAIT_SECONDS);
	char last[sizeof(w.trace)];
	int late = 0;

	pthread_mutex_lock(&w.lock);
	while (strcmp(w.trace, expected) != 0 && late == 0)
		late = pthread_cond_timedwait(&w.changed, &w.lock, &until);
	strcpy(last, w.trace);
	pthread_mutex_unlock(&w.lock);
	if (strcmp(last, expected) != 0)
		fail_msg("expected\n%s\nbut saw\n%s", expected, last);
}

static inline bool
has_trace(void)
{
	bool has;

	pthread_mutex_lock(&w.lock);
	has = w.trace[0] != '\0';
	pthread_mutex_unlock(&w.lock);
	return has;
}

static inline void
clear_trace(void)
{
	pthread_mutex_lock(&w.lock);
	w.trace[0] = '\0';
	pthread_mutex_unlock(&w.lock);
}

/* --- the handler: each path has its way ------------------------------------------------ */

struct user {
	char		 path[64];
	struct timer	 timer;
	struct request	*request;
	struct buf	 body;
	uint64_t	 left;		/* of /stream/N */
	bool		 begun;
};

static struct user *
user_of(struct request *r)
{
	return (struct user *)(void *)r->user;
}

static bool
path_is(struct request *r, const char *prefix)
{
	return strncmp(user_of(r)->path, prefix, strlen(prefix)) == 0;
}

static inline struct answer
answer_of(unsigned status, int64_t length)
{
	return (struct answer){ .status = status, .length = length };
}

static void
answer_text(struct request *r, unsigned status, const char *text)
{
	struct answer a = answer_of(status, (int64_t)strlen(text));

	a.fields = SLICE("Content-Type: text/plain\r\n");
	request_answer(r, &a, slice_of(text), true);
}

static void
stream_on(struct request *r)
{
	static char piece[10000];
	struct user *u = user_of(r);

	while (u->left > 0) {
		size_t n = u->left < sizeof(piece) ? (size_t)u->left :
		    sizeof(piece);

		memset(piece, 'a' + (int)(u->left / sizeof(piece) % 26), n);
		u->left -= n;
		if (!request_send(r, (struct slice){ piece, n }))
			return;
	}
	request_send_last(r, (struct slice){ NULL, 0 }, SLICE("X-End: yes\r\n"));
}

static void
on_user_timer(struct timer *timer)
{
	struct user *u = list_entry(timer, struct user, timer);

	if (path_is(u->request, "/paused"))
		request_resume(u->request);
	else
		answer_text(u->request, 200, "later");
}

static void
begin_stream(struct request *r, bool length_known)
{
	struct answer a = answer_of(200, -1);

	user_of(r)->left = strtoull(strrchr(user_of(r)->path, '/') + 1, NULL, 10);
	if (length_known)
		a.length = (int64_t)user_of(r)->left;
	request_answer(r, &a, (struct slice){ NULL, 0 }, false);
	stream_on(r);
}

/* Answers of a length that is not kept, and other ways to go wrong. */
static void
misbehave(struct request *r)
{
	struct answer a = answer_of(200, 10);

	request_answer(r, &a, SLICE("12345"), false);
	if (path_is(r, "/wrong/short"))
		request_send_last(r, SLICE("678"), SLICE(""));
	else if (path_is(r, "/wrong/long"))
		request_send(r, SLICE("6789012345"));
	else if (path_is(r, "/wrong/abort"))
		request_abort(r);
}

static void
start(struct request *r)
{
	struct answer empty = answer_of(204, 0);

	if (path_is(r, "/hello") || path_is(r, "/early"))
		answer_text(r, 200, "hello");
	else if (path_is(r, "/stream/"))
		begin_stream(r, false);
	else if (path_is(r, "/length/"))
		begin_stream(r, true);
	else if (path_is(r, "/none"))
		request_answer(r, &empty, SLICE(""), true);
	else if (path_is(r, "/wrong/"))
		misbehave(r);
	else if (path_is(r, "/later") || (path_is(r, "/paused") &&
	    !path_is(r, "/paused/for/ever")))
		timer_set(w.loop, &user_of(r)->timer, 40);
	else if (path_is(r, "/inform")) {
		request_inform(r, 103, SLICE("Link: </a>\r\n"));
		answer_text(r, 200, "informed");
	} else if (path_is(r, "/switch"))
		request_switch(r, SLICE("Upgrade: test\r\n"));
	else if (path_is(r, "/continue"))
		request_continue(r);
	else if (path_is(r, "/echo") && !r->has_body)
		answer_text(r, 200, "");
}

static void
on_head(struct request *r)
{
	struct user *u = user_of(r);

	assert_non_null(r->head);
	assert_null(u->request);		/* zeroed for each */
	u->request = r;
	w.current = r;
	snprintf(u->path, sizeof(u->path), "%.*s", SLICE_ARG(r->head->target));
	timer_init(&u->timer, on_user_timer);
	trace("head %s;", u->path);
	if (path_is(r, "/whole") && r->whole_body.p != NULL)
		trace("whole %.*s;", SLICE_ARG(r->whole_body));
	if (path_is(r, "/paused"))
		request_pause(r);
	start(r);
	assert_non_null(r->head);
}

/* Not where pieces were cut, which is the network's affair. */
static void
on_body(struct request *r, struct slice bytes, bool last)
{
	struct user *u = user_of(r);

	assert_null(r->head);
	assert_null(r->whole_body.p);
	assert_int_equal(r->body_done, last);
	buf_slice(&u->body, bytes);
	assert_int_equal(u->body.len, r->body_bytes);
	if (r->tunnel) {
		request_send(r, bytes);
		if (last)
			request_send_last(r, SLICE("bye"), SLICE(""));
	}
	if (!last)
		return;
	trace("body %zu", u->body.len);
	if (r->trailers.len > 0)
		trace(" %.*s", SLICE_ARG(buf_all(&r->trailers)));
	trace(";");
	if (path_is(r, "/echo") || path_is(r, "/whole") ||
	    path_is(r, "/continue") ||
	    (path_is(r, "/paused") && !r->answered)) {
		struct answer a = answer_of(200, (int64_t)u->body.len);

		request_answer(r, &a, buf_all(&u->body), true);
	}
}

static void
on_drained(struct request *r)
{
	assert_false(path_is(r, "/hello"));
	stream_on(r);
}

static void
on_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	char text[256];

	trace("refuse %u %s;", status, rule);
	snprintf(text, sizeof(text), "%s\n", sentence);
	answer_text(r, status, text);
}

static const char *
end_name(enum serve_end end)
{
	static const char *const names[] = {
		[SERVE_DONE] = "done",
		[SERVE_REFUSED] = "refused",
		[SERVE_CLIENT_LEFT] = "client-left",
		[SERVE_SEND_TIMEOUT] = "send-timeout",
		[SERVE_ABORTED] = "aborted",
		[SERVE_TUNNEL_IDLE] = "tunnel-idle",
		[SERVE_CUT] = "cut",
	};

	return names[end];
}

static void
on_gone(struct request *r, enum serve_end end)
{
	struct user *u = user_of(r);

	if (u->request != NULL)
		timer_cancel(&u->timer);
	buf_fini(&u->body);
	w.current = NULL;
	trace("gone %s;", end_name(end));
	/* Whatever comes too late does no harm. */
	request_send(r, SLICE("too late"));
	request_resume(r);
	request_abort(r);
}

/* --- the server -------------------------------------------------------------------------- */

static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	(void)owner;
	server_accept(w.server, fd, peer, &(struct serve_accept){
	    .tls = w.tls, .listener = &w, .proxied = w.proxied,
	    .passes = w.passes });
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

static void *
run(void *arg)
{
	(void)arg;
	loop_run(w.loop);
	return NULL;
}

static inline void
call_done(void *arg)
{
	void (*fn)(void) = *(void (**)(void))arg;

	fn();
	pthread_mutex_lock(&w.lock);
	w.called = true;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

/* Runs fn on the server's loop and waits for it. */
static inline void
on_loop(void (*fn)(void))
{
	pthread_mutex_lock(&w.lock);
	w.called = false;
	loop_post(w.loop, call_done, &fn);
	while (!w.called)
		pthread_cond_wait(&w.changed, &w.lock);
	pthread_mutex_unlock(&w.lock);
}

static void
world_begin(bool tls)
{
	struct err err;
	int fd;

	memset(&w, 0, sizeof(w));
	w.limits = (struct serve_limits){ .head_ms = 60000, .idle_ms = 60000,
	    .body_idle_ms = 60000, .send_idle_ms = 60000,
	    .tunnel_idle_ms = 60000, .body_bytes = 100 * 1024 * 1024 };
	w.ops = (struct handler_ops){ .name = "test",
	    .request_bytes = sizeof(struct user), .auto_continue = true,
	    .head = on_head, .body = on_body, .drained = on_drained,
	    .refuse = on_refuse, .gone = on_gone };
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.changed, NULL);
	w.loop = loop_new();
	w.server = server_new(w.loop, &w.ops, &w, &w.limits);
	if (tls) {
		w.tls = certificate_server(certificate_path("gb.pem"),
		    certificate_path("gb.key"), &err);
		assert_non_null(w.tls);
	}
	assert_true(endpoint_parse(&w.at, SLICE("127.0.0.1:0")));
	fd = listener_bind(&w.at, false, 0, &err);
	assert_true(fd >= 0);
	w.listener = listener_new(w.loop, fd, &listener_ops, NULL);
	listener_address(w.listener, &w.at);
}

/* After limits and ops have been set. */
static void
world_go(void)
{
	assert_int_equal(pthread_create(&w.thread, NULL, run, NULL), 0);
}

static void
world_end(void)
{
	loop_stop(w.loop);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	server_free(&w.server);
	assert_null(w.server);
	listener_free(&w.listener);
	tls_context_free(&w.tls);
	loop_free(&w.loop);
	pthread_mutex_destroy(&w.lock);
	pthread_cond_destroy(&w.changed);
}

/* --- the client ----------------------------------------------------------------------------- */

struct client {
	int		 fd;
	SSL		*ssl;
	SSL_CTX		*ctx;
	struct buf	 got;
};

static void
client_connect(struct client *c)
{
	struct timeval limit = { .tv_sec = WAIT_SECONDS };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_sockaddr(&w.at, &ss);

	memset(c, 0, sizeof(*c));
	c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(c->fd, (struct sockaddr *)&ss, len), 0);
}

static inline void
client_open(struct client *c)
{
	client_connect(c);
	if (w.tls == NULL)
		return;
	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	assert_int_equal(SSL_connect(c->ssl), 1);
}

static void
client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	buf_fini(&c->got);
	close(c->fd);
}

/* So that the server sees it at once, and as no proper end. */
static inline void
client_reset(struct client *c)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	client_close(c);
}

static ssize_t
client_write(struct client *c, const char *bytes, size_t len)
{
	return c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)len) :
	    send(c->fd, bytes, len, MSG_NOSIGNAL);
}

static void
client_send(struct client *c, const char *text)
{
	assert_int_equal(client_write(c, text, strlen(text)), strlen(text));
}

static ssize_t
client_more(struct client *c)
{
	char *to = buf_reserve(&c->got, 65536);
	ssize_t n = c->ssl != NULL ? SSL_read(c->ssl, to, 65536) :
	    recv(c->fd, to, 65536, 0);

	if (n > 0)
		c->got.len += (size_t)n;
	return n;
}

/* How far the two agree; '*' stands for anything up to the line's end. */
static size_t
match(const char *expected, struct slice got, bool *whole)
{
	size_t i = 0;

	for (; *expected != '\0' && i < got.len; expected++) {
		if (*expected == '*')
			while (i < got.len && got.p[i] != '\r')
				i++;
		else if (*expected == got.p[i])
			i++;
		else
			break;
	}
	*whole = *expected == '\0';
	return i;
}

/* These bytes next, exactly; what is behind them stays for the next call. */
static void
client_expect(struct client *c, const char *expected)
{
	bool whole;
	size_t n;

	for (;;) {
		n = match(expected, buf_all(&c->got), &whole);
		if (whole)
			break;
		if (n < c->got.len || client_more(c) <= 0)
			fail_msg("expected\n%s\nbut got\n%.*s", expected,
			    SLICE_ARG(buf_all(&c->got)));
	}
	buf_consume(&c->got, n);
}

/* Nothing more, and a proper end. */
static inline void
client_expect_end(struct client *c)
{
	ssize_t n;

	if (c->got.len > 0 || (n = client_more(c)) > 0)
		fail_msg("unexpected: %.*s", SLICE_ARG(buf_all(&c->got)));
	if (c->ssl != NULL)
		assert_int_equal(SSL_get_error(c->ssl, (int)n),
		    SSL_ERROR_ZERO_RETURN);
	else
		assert_int_equal(n, 0);
}

/* The connection is cut, so that nobody takes it for a proper end. */
static inline void
client_expect_cut(struct client *c)
{
	ssize_t n;

	while ((n = client_more(c)) > 0)
		buf_clear(&c->got);
	assert_true(n < 0 || (c->ssl != NULL && n == 0 &&
	    SSL_get_error(c->ssl, 0) != SSL_ERROR_ZERO_RETURN));
}

#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
	"Content-Length: " length "\r\nDate: *\r\n\r\n"
#define HELLO OK_HEAD("5") "hello"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, length) "POST " path " HTTP/1.1\r\nHost: a\r\n" \
	"Content-Length: " length "\r\n\r\n"
#define CHUNKED(path) "POST " path " HTTP/1.1\r\nHost: a\r\n" \
	"Transfer-Encoding: chunked\r\n\r\n"

/* --- stories ---------------------------------------------------------------------------------- */

static bool over_tls __attribute__((unused));

/* A story runs once plain and once over TLS, with a client at hand. */
#define STORY(name)				\
static void name##_told(struct client *c);	\
static void					\
name(void **state)				\
{						\
	(void)state;				\
	for (int i = 0; i < 2; i++) {		\
		over_tls = i == 1;		\
		world_begin(over_tls);		\
		name##_told(&(struct client){ .fd = -1 });	\
		world_end();			\
	}					\
}						\
static void					\
name##_told(struct client *c)

static inline void
begin_story(struct client *c)
{
	world_go();
	client_open(c);
}

static int
prepare(void **state)
{
	struct authority ca;

	(void)state;
	certificates_begin();
	ca = authority_new("ca");
	certificate_issue(&ca, "gb", "URI:portolan:region:GB", 3600);
	authority_free(&ca);
	return 0;
}

static int
clean_up(void **state)
{
	(void)state;
	certificates_end();
	return 0;
}

#endif
