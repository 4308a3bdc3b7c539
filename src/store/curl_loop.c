/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/curl_loop.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "net/watch.h"

struct socket_watch {
	struct watch	 watch;
	struct list	 node;		/* in owner->sockets */
	struct curl_loop *owner;
};

static void
act(struct curl_loop *c, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(c->multi, fd, what, &running);
	c->moved(c);
}

static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct socket_watch *s = watch->arg;

	act(s->owner, watch->fd, (readable ? CURL_CSELECT_IN : 0) |
	    (writable ? CURL_CSELECT_OUT : 0));
}

static void
on_time(struct timer *timer)
{
	struct curl_loop *c = list_entry(timer, struct curl_loop, timer);

	act(c, CURL_SOCKET_TIMEOUT, 0);
}

static void
on_now(struct task *task)
{
	struct curl_loop *c = list_entry(task, struct curl_loop, now);

	act(c, CURL_SOCKET_TIMEOUT, 0);
}

/* Every exchange begins with 0, and the wheel's next step may be 64 ms away. */
static int
want_time(CURLM *multi, long after_ms, void *arg)
{
	struct curl_loop *c = arg;

	(void)multi;
	timer_cancel(&c->timer);
	task_cancel(&c->now);
	if (after_ms == 0)
		task_set(c->loop, &c->now);
	else if (after_ms > 0)
		timer_set(c->loop, &c->timer, (uint64_t)after_ms);
	return 0;
}

static void
unwatch(struct curl_loop *c, struct socket_watch *s)
{
	curl_multi_assign(c->multi, s->watch.fd, NULL);
	watch_stop(&s->watch);
	list_remove(&s->node);
	free(s);
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_fd)
{
	struct curl_loop *c = arg;
	struct socket_watch *s = of_fd;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			unwatch(c, s);
		return 0;
	}
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		s->watch.fn = on_ready;
		s->watch.arg = s;
		s->owner = c;
		list_append(&c->sockets, &s->node);
		curl_multi_assign(c->multi, fd, s);
	}
	watch_set(c->loop, &s->watch, fd, (what & CURL_POLL_IN) != 0,
	    (what & CURL_POLL_OUT) != 0);
	return 0;
}

void
curl_loop_init(struct curl_loop *c, struct loop *loop,
    void (*moved)(struct curl_loop *))
{
	c->loop = loop;
	c->moved = moved;
	list_init(&c->sockets);
	timer_init(&c->timer, on_time);
	task_init(&c->now, on_now);
	c->multi = curl_multi_init();
	must(c->multi != NULL);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_time);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
}

void
curl_loop_fini(struct curl_loop *c)
{
	curl_multi_cleanup(c->multi);
	list_each(node, &c->sockets) {
		struct socket_watch *s = list_entry(node, struct socket_watch,
		    node);

		watch_stop(&s->watch);
		list_remove(&s->node);
		free(s);
	}
	timer_cancel(&c->timer);
	task_cancel(&c->now);
}
