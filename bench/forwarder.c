/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The floor that no proxy can go below: bytes from one socket to the other
 * and back, one thread, epoll, four system calls a request, nothing parsed.
 * Each client has an upstream connection of its own, for as long as it lives.
 *
 *	forwarder PORT UPSTREAM-PORT
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/client.h"

enum { FDS = 65536, BUF_BYTES = 256 * 1024 };

/* By descriptor; what it has not taken of its other side's bytes. */
static struct side {
	int	 other;
	char	*left;
	size_t	 at, len;
} sides[FDS];

static char buf[BUF_BYTES];
static int loop;
static uint16_t upstream;		/* its port */

static void
watch(int fd, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(loop, how, fd, &e) != 0)
		stop("epoll_ctl");
}

static void
end_one(int fd)
{
	free(sides[fd].left);
	sides[fd] = (struct side){ .other = -1 };
	close(fd);
}

static void
end(int fd)
{
	int other = sides[fd].other;

	if (other < 0)
		return;			/* ended in this turn */
	end_one(fd);
	end_one(other);
}

/* The other side reads no more until this one has taken it. */
static void
keep(int fd, const char *bytes, size_t len)
{
	struct side *s = &sides[fd];

	s->left = malloc(len);
	if (s->left == NULL)
		stop("malloc");
	memcpy(s->left, bytes, len);
	s->at = 0;
	s->len = len;
	watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
	watch(s->other, 0, EPOLL_CTL_MOD);
}

static void
send_rest(int fd)
{
	struct side *s = &sides[fd];
	ssize_t n = send(fd, s->left + s->at, s->len - s->at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN) {
		end(fd);
		return;
	}
	s->at += n < 0 ? 0 : (size_t)n;
	if (s->at < s->len)
		return;
	free(s->left);
	s->left = NULL;
	watch(fd, EPOLLIN, EPOLL_CTL_MOD);
	watch(s->other, EPOLLIN, EPOLL_CTL_MOD);
}

static void
forward(int fd)
{
	int to = sides[fd].other;
	ssize_t n = to < 0 ? -1 : recv(fd, buf, sizeof(buf),
	    MSG_DONTWAIT), sent;

	if (to < 0 || (n < 0 && errno == EAGAIN))
		return;
	if (n <= 0) {
		end(fd);
		return;
	}
	sent = send(to, buf, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN) {
		end(fd);
		return;
	}
	if (sent < n)
		keep(to, buf + (sent < 0 ? 0 : sent),
		    (size_t)n - (sent < 0 ? 0 : (size_t)sent));
}

static void
take(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	int up = fd < 0 ? -1 : dial(upstream);

	if (fd < 0)
		return;
	if (up >= FDS || fd >= FDS)
		stop("descriptors");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	sides[fd] = (struct side){ .other = up };
	sides[up] = (struct side){ .other = fd };
	watch(fd, EPOLLIN, EPOLL_CTL_ADD);
	watch(up, EPOLLIN, EPOLL_CTL_ADD);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener, n;

	if (argc != 3) {
		fprintf(stderr, "usage: forwarder PORT UPSTREAM-PORT\n");
		return 2;
	}
	loop = epoll_create1(0);
	listener = listen_on((uint16_t)atoi(argv[1]));
	upstream = (uint16_t)atoi(argv[2]);
	watch(listener, EPOLLIN, EPOLL_CTL_ADD);
	while ((n = epoll_wait(loop, events, 256, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				take(listener);
			else if (events[i].events & EPOLLOUT)
				send_rest(fd);
			else
				forward(fd);
		}
	return 1;
}
