/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the fuzzers of serve/ share: a server on a loop that turns on demand,
 * and a handler of every manner, by the byte after a path's first slash.
 */
#ifndef TESTS_FUZZ_SERVE_WORLD_H
#define TESTS_FUZZ_SERVE_WORLD_H

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "serve/serve.h"
#include "turns.h"

static struct server *server;

struct user {
	bool		 begun;
	char		 manner;	/* what comes after the first slash */
};

static struct user *
user_of(struct request *r)
{
	return (struct user *)(void *)r->user;
}

static void
answer(struct request *r, unsigned status, bool last)
{
	struct answer a = { .status = status, .length = -1 };

	request_answer(r, &a, SLICE("some"), last);
}

static void
on_head(struct request *r)
{
	struct user *u = user_of(r);

	must(!u->begun);
	u->begun = true;
	u->manner = r->head->target.len > 1 ? r->head->target.p[1] : 0;
	if (u->manner == 's' && r->body_done)
		request_switch(r, SLICE("Upgrade: x\r\n"));
	else if (u->manner == 'p' && !r->body_done)
		request_pause(r);
	else if (u->manner == 'a')
		request_abort(r);
	else if (u->manner == 'e')
		answer(r, 200, true);
	else if (u->manner == 'b')
		answer(r, 200, false);
	else if (r->body_done)
		answer(r, 204, true);
}

static void
on_body(struct request *r, struct slice bytes, bool last)
{
	must(!last || r->body_done);
	if (r->answered && user_of(r)->manner != 'e')
		request_send(r, bytes);
	if (last && r->answered)
		request_send_last(r, SLICE("end"), buf_all(&r->trailers));
	else if (last)
		answer(r, 200, true);
}

static void
on_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	must(!r->answered && rule != NULL && sentence != NULL);
	answer(r, status, true);
}

static void
on_drained(struct request *r)
{
	must(r->answered);
}

static unsigned ended;

static void
on_gone(struct request *r, enum serve_end end)
{
	(void)r;
	(void)end;
	ended++;
}

static void
on_unproxied(struct server *s, void *listener, const struct endpoint *peer,
    const char *reason)
{
	must(s == server && listener == NULL && reason != NULL);
	(void)peer;
}

static const struct handler_ops ops = { .name = "fuzz",
    .request_bytes = sizeof(struct user), .auto_continue = true,
    .head = on_head, .body = on_body, .drained = on_drained,
    .refuse = on_refuse, .gone = on_gone, .unproxied = on_unproxied };
static const struct serve_limits limits = { .head_ms = 60000,
    .idle_ms = 60000, .body_idle_ms = 60000, .send_idle_ms = 60000,
    .tunnel_idle_ms = 60000, .body_bytes = 5000, .requests = 50 };

/* The server's end of a new connection has been accepted; the client's. */
static int
begin(const struct serve_accept *how)
{
	const struct endpoint peer = { .kind = ENDPOINT_UNIX };
	int fds[2];

	turns_begin();
	server = server_new(loop, &ops, NULL, &limits);
	ended = 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	server_accept(server, fds[1], &peer, how);
	return fds[0];
}

static void
finish(int fd)
{
	close(fd);
	for (int i = 0; i < 8; i++)
		turn_once();
	must(server->connections == 0);
	must(ended == server->requests);
	server_free(&server);
	loop_free(&loop);
}

#endif
