/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>

#include "client.h"

enum { EVENTS = 256 };

static int loop = -1;

void
watch(struct source *s, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (loop < 0)
		loop = epoll_create1(0);
	if (epoll_ctl(loop, how, s->fd, &e) != 0)
		stop("epoll_ctl");
}

void
turn(int ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop, events, EVENTS, ms);

	if (n < 0 && errno != EINTR)
		stop("epoll_wait");
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		s->ready(s);
	}
}
