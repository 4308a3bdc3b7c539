/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/watch.h"

#include "base/must.h"

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	loop_wake(watch->loop);
	watch->fn(watch, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

void
watch_stop(struct watch *watch)
{
	if (watch->set)
		event_del(&watch->event);
	watch->set = false;
}

void
watch_set(struct loop *loop, struct watch *watch, int fd, bool readable,
    bool writable)
{
	short what = EV_PERSIST;

	watch_stop(watch);
	if (readable)
		what |= EV_READ;
	if (writable)
		what |= EV_WRITE;
	watch->loop = loop;
	watch->fd = fd;
	must(event_assign(&watch->event, loop->base, fd, what, on_ready,
	    watch) == 0);
	must(event_add(&watch->event, NULL) == 0);
	watch->set = true;
}
