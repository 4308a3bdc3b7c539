/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An engine that answers anything, cut anywhere, to owners of every manner:
 * each exchange has one end, what it is told comes in its order, and nothing
 * that was not asked for is the answer to the next request.  The first byte
 * is the owner's manner, then come pieces with their length before them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"
#include "turns.h"
#include "upstream/upstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum manner {
	HEAD = 1, POST = 2, UPGRADE = 4,
	PAUSES = 8,
	CANCELS = 16,			/* with the first of the body */
	TAKES_FRONT = 32,
	CLOSES = 64, RESETS = 128,	/* the engine, at its end */
};

static struct upstream *up;
static struct pools *pools;
static int listening, poke[2];

static struct owner {
	struct exchange	*ex;		/* NULL: over */
	unsigned	 manner, done;
	enum exchange_end end;
	bool		 head, last, tunnel, cancelled;
	struct buf	 body;
} owner;

/* --- the owner ---------------------------------------------------------------- */

static void
on_inform(struct exchange *ex, const struct h1_head *head)
{
	must(ex == owner.ex && !owner.head && owner.done == 0);
	must(head->status >= 100 && head->status < 200 && head->status != 101);
}

static void
cancel(void)
{
	owner.cancelled = true;
	exchange_cancel(&owner.ex);
	must(owner.ex == NULL);
}

static void
on_head(struct exchange *ex, const struct h1_head *head)
{
	bool last;

	must(ex == owner.ex && !owner.head && owner.done == 0);
	owner.head = true;
	owner.tunnel = head->status == 101;
	must(owner.tunnel ? (owner.manner & UPGRADE) != 0 :
	    head->status >= 200);
	if ((owner.manner & TAKES_FRONT) && !owner.tunnel)
		buf_slice(&owner.body, exchange_take_front(ex, &last));
	if (owner.manner & PAUSES)
		exchange_pause(ex);
}

static void
on_body(struct exchange *ex, struct slice bytes, bool last)
{
	must(ex == owner.ex && owner.head && !owner.last && owner.done == 0);
	must((owner.manner & HEAD) == 0 || owner.tunnel);
	owner.last = last;
	buf_slice(&owner.body, bytes);
	if (owner.manner & CANCELS)
		cancel();
	else if (owner.manner & PAUSES)
		exchange_pause(ex);
}

static void
on_drained(struct exchange *ex)
{
	must(ex == owner.ex);
}

static void
on_done(struct exchange *ex, enum exchange_end end)
{
	must(ex == owner.ex && owner.done == 0);
	must(end != EXCHANGE_DONE || owner.head);
	owner.done++;
	owner.end = end;
	owner.ex = NULL;
}

static const struct exchange_ops ops = { .inform = on_inform, .head = on_head,
    .body = on_body, .drained = on_drained, .done = on_done };

/* --- its request ----------------------------------------------------------------- */

static void
ask(unsigned manner)
{
	static const struct slice heads[] = {
		SLICE("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		SLICE("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
		SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
		    "\r\n"),
		SLICE("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n"
		    "Connection: Upgrade\r\n\r\n"),
	};
	unsigned kind = manner & HEAD ? 1 : manner & POST ? 2 :
	    manner & UPGRADE ? 3 : 0;
	const struct exchange_request request = { .head = heads[kind],
	    .method = kind == 1 ? METHOD_HEAD : kind == 2 ? METHOD_POST :
	    METHOD_GET, .framing = H1_NO_BODY, .body_whole = true };

	if (kind != 3)
		manner &= ~(unsigned)UPGRADE;
	if (kind != 1)
		manner &= ~(unsigned)HEAD;
	buf_clear(&owner.body);
	owner = (struct owner){ .manner = manner, .body = owner.body };
	owner.ex = exchange_start(pools, up, &request, &ops, NULL);
	must(owner.done == 0);
}

/* Somebody else wants an answer. */
static bool
on_poke(void *arg)
{
	char one;

	(void)arg;
	must(read(poke[0], &one, 1) == 1);
	ask(0);
	return true;
}

/* --- the loop, a turn at a time ---------------------------------------------------- */

static void
turn(void)
{
	turn_once();
	if (owner.ex != NULL && (owner.manner & PAUSES))
		exchange_resume(owner.ex);
}

static void
on_change(void *arg)
{
	(void)arg;
}

static struct sockaddr_un at = { .sun_family = AF_UNIX };

static void
clean_up(void)
{
	unlink(at.sun_path);
}

static void
begin(void)
{
	static const struct pool_limits limits = { .idle = 4,
	    .idle_ms = 60000, .connect_ms = 60000, .response_head_ms = 60000,
	    .response_idle_ms = 60000, .tunnel_idle_ms = 60000 };
	static const struct probe_spec probe = { .path = "/", .rise = 1,
	    .interval_ms = 60000, .timeout_ms = 60000, .fall = 1 };
	struct upstream_spec spec = { .region = "GB", .weight = 1,
	    .endpoint = { .kind = ENDPOINT_UNIX } };
	struct err err;

	snprintf(at.sun_path, sizeof(at.sun_path),
	    "/tmp/portolan-fuzz-exchange-%d", (int)getpid());
	snprintf(spec.endpoint.name, sizeof(spec.endpoint.name), "%s",
	    at.sun_path);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	unlink(at.sun_path);
	must(bind(listening, (struct sockaddr *)&at, sizeof(at)) == 0);
	atexit(clean_up);
	must(listen(listening, 16) == 0);
	turns_begin();
	must(pipe2(poke, O_NONBLOCK) == 0);
	loop_on_readable(loop, poke[0], on_poke, NULL);
	pools = pools_new(loop, &limits);
	/* Its loop is never run: no probe gets in the way. */
	must(upstreams_apply(upstreams_new(loop_new(), on_change, NULL),
	    &(struct upstream_set){ &spec, 1, &probe, NULL }, &up, &err));
}

/* --- the engine ----------------------------------------------------------------------- */

/* Where the request went: a connection made for it, or the one there is. */
static int
took(int fd)
{
	int newer = accept4(listening, NULL, NULL, SOCK_NONBLOCK);

	if (newer < 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return newer;
}

/* All but the last piece, if that comes behind the end of the answer. */
static struct slice
say(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = data[0] + 1u;

		data++;
		if (n > --size)
			n = size;
		if (n == size && owner.ex == NULL)
			return (struct slice){ (const char *)data, n };
		if (n > 0 && send(fd, data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		turn();
	}
	return (struct slice){ NULL, 0 };
}

static void
reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/*
 * Whatever the last one was told, this one is told what it asked for; also
 * where the loop finds, at once, that it asks and that something has come.
 */
static int
answer_well(int fd, struct slice late)
{
	static const char hello[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

	turn();				/* epoll has nothing left of before */
	must(write(poke[1], "!", 1) == 1);
	if (fd >= 0 && late.len > 0)
		send(fd, late.p, late.len, MSG_NOSIGNAL);
	turn();
	fd = took(fd);
	must(fd >= 0);
	must(send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(hello) - 1);
	for (int i = 0; i < 4 && owner.ex != NULL; i++)
		turn();
	must(owner.done == 1 && owner.end == EXCHANGE_DONE && owner.last);
	must(slice_is(buf_all(&owner.body), "hello"));
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice late;
	char drop[4096];
	int fd;

	if (size == 0)
		return 0;
	if (loop == NULL)
		begin();
	ask(data[0]);
	turn();
	fd = took(-1);
	must(fd >= 0);
	late = say(fd, data + 1, size - 1);
	if (data[0] & (CLOSES | RESETS)) {
		if (data[0] & RESETS)
			reset(fd);
		close(fd);
		fd = -1;
		for (int i = 0; i < 8 && owner.ex != NULL; i++)
			turn();
		/* A tunnel's other half is open still. */
		must(owner.ex == NULL || owner.tunnel);
	}
	if (owner.ex != NULL) {
		cancel();
		turn();
	}
	must(owner.done == !owner.cancelled);
	if (fd >= 0)
		while (recv(fd, drop, sizeof(drop), 0) > 0)
			continue;
	fd = answer_well(fd, late);
	close(fd);
	turn();
	turn();
	must(owner.done == 1);
	return 0;
}
