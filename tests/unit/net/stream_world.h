/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The world of the stream tests: a listener, and both ends of a connection to
 * it in one loop.
 */
#ifndef TESTS_UNIT_NET_STREAM_WORLD_H
#define TESTS_UNIT_NET_STREAM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/listener.h"
#include "net/stream.h"
#include "support/certificates.h"

enum transport { TCP, LOCAL, TLS };

/* One end and what it has seen. */
struct end {
	struct stream	 s;
	struct buf	 got;
	bool		 open, eof, failed;
	unsigned	 readables, draineds;
	enum stream_end	 why;
	void		(*on_readable)(struct end *);
	void		(*on_drained)(struct end *);
};

static struct world {
	struct loop	*loop;
	struct listener	*listener;
	struct endpoint	 at;
	struct tls_context *server_tls, *client_tls;
	struct end	 client, server;
	bool		 accepted;
	struct timer	 limit;
	bool		(*until)(void);
	struct task	 look;
} w;

/* --- the ends -------------------------------------------------------------------- */

/* Looked at after each callback, at the end of the turn. */
static inline void
look(struct task *task)
{
	(void)task;
	if (w.until())
		loop_stop(w.loop);
}

static inline void
read_all(struct end *e)
{
	ssize_t n = stream_read(&e->s, w.loop->scratch, LOOP_SCRATCH);

	if (n > 0)
		buf_add(&e->got, w.loop->scratch, (size_t)n);
	else if (n == 0)
		e->eof = true;
}

static inline void
on_opened(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->open || e->failed);
	e->open = true;
	task_set(w.loop, &w.look);
}

static inline void
on_readable(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->eof || e->failed);
	e->readables++;
	if (e->on_readable != NULL)
		e->on_readable(e);
	else
		read_all(e);
	task_set(w.loop, &w.look);
}

static inline void
on_drained(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->failed);
	e->draineds++;
	if (e->on_drained != NULL)
		e->on_drained(e);
	task_set(w.loop, &w.look);
}

static inline void
on_failed(struct stream *s, enum stream_end why)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->failed);
	e->failed = true;
	e->why = why;
	task_set(w.loop, &w.look);
}

static const struct stream_ops ops = { on_opened, on_readable, on_drained,
    on_failed };

static inline void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	(void)owner;
	(void)peer;
	assert_false(w.accepted);
	w.accepted = true;
	stream_accept(&w.server.s, w.loop, fd, w.server_tls, &ops);
	if (w.server_tls == NULL)
		w.server.open = true;
	task_set(w.loop, &w.look);
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

/* --- the world ---------------------------------------------------------------------- */

static inline void
on_limit(struct timer *timer)
{
	(void)timer;
	fail_msg("waited too long");
}

static inline void
run_until(bool (*until)(void))
{
	w.until = until;
	task_set(w.loop, &w.look);
	timer_set(w.loop, &w.limit, 20000);
	loop_run(w.loop);
	timer_cancel(&w.limit);
}

static inline struct tls_context *
link_context(const char *name, const char *ca, bool server)
{
	char pem[32], key[32];
	struct tls_context *tls;
	struct err err;

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	tls = (server ? tls_link_server_new : tls_link_client_new)(
	    certificate_path(pem), certificate_path(key), certificate_path(ca),
	    &err);
	assert_non_null(tls);
	return tls;
}

static inline void
world_begin(enum transport transport)
{
	char text[160] = "127.0.0.1:0";
	struct err err;
	int fd;

	memset(&w, 0, sizeof(w));
	w.loop = loop_new();
	timer_init(&w.limit, on_limit);
	task_init(&w.look, look);
	if (transport == LOCAL)
		snprintf(text, sizeof(text), "unix:%s",
		    certificate_path("socket"));
	if (transport == TLS) {
		w.server_tls = link_context("gb", "ca.pem", true);
		w.client_tls = link_context("us", "ca.pem", false);
	}
	assert_true(endpoint_parse(&w.at, slice_of(text)));
	fd = listener_bind(&w.at, false, 0600, &err);
	assert_true(fd >= 0);
	w.listener = listener_new(w.loop, fd, &listener_ops, NULL);
	listener_address(w.listener, &w.at);
}

static inline void
world_end(void)
{
	stream_close(&w.client.s);
	stream_close(&w.client.s);
	stream_close(&w.server.s);
	buf_fini(&w.client.got);
	buf_fini(&w.server.got);
	listener_free(&w.listener);
	tls_context_free(&w.server_tls);
	tls_context_free(&w.client_tls);
	loop_free(&w.loop);
}

static inline bool
both_open(void)
{
	return w.client.open && w.server.open;
}

static inline void
connect_ends(void)
{
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	assert_false(w.client.open);
	run_until(both_open);
}

static inline void
send_text(struct end *e, const char *text)
{
	struct iovec part = { (void *)(uintptr_t)text, strlen(text) };

	stream_send(&e->s, &part, 1);
}

/* Bytes, or an end, that the kernel holds back. */
static inline size_t
unsent(const struct end *e)
{
	int n = 0;

	assert_int_equal(ioctl(e->s.fd, SIOCOUTQNSD, &n), 0);
	return (size_t)n;
}

/* --- what is waited for ------------------------------------------------------------ */

static inline bool
server_has_greeting(void)
{
	return slice_is(buf_all(&w.server.got), "hello, world");
}

static inline bool
server_failed(void)
{
	return w.server.failed;
}

/* --- certificates -------------------------------------------------------------------- */

/* What both ends of a link show is there; whoever wants more issues it. */
static inline struct authority
link_authority(void)
{
	struct authority ca;

	certificates_begin();
	ca = authority_new("ca");
	certificate_issue(&ca, "gb", "URI:portolan:region:GB", 3600);
	certificate_issue(&ca, "us", "URI:portolan:region:US", 3600);
	return ca;
}

#endif
