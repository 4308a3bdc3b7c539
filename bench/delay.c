/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A long way, on loopback: passes bytes between whoever connects and one
 * target, each way so many milliseconds later than they came.
 *
 *	delay LISTEN-IP PORT TARGET-IP PORT MS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, QUEUE_MOST = 64 * 1024 * 1024, EVENTS = 256 };

struct piece {
	struct piece	*next;
	uint64_t	 due_us;
	size_t		 at, len;	/* len 0: the end */
	char		 bytes[];
};

struct end {
	int		 fd;
	struct end	*other;
	struct piece	*first, *last;	/* from other, to be written here */
	size_t		 queued;
	bool		 read_all, connected, dead;
	struct end	*next;		/* of all */
};

static struct end *all;
static uint64_t delay_us;
static int ep;

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
watch(struct end *e, bool add)
{
	struct epoll_event ev = { .data.ptr = e };

	if (!e->read_all && e->other->queued < QUEUE_MOST)
		ev.events |= EPOLLIN;
	if (!e->connected || (e->first != NULL &&
	    e->first->due_us <= now_us()))
		ev.events |= EPOLLOUT;
	epoll_ctl(ep, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, e->fd, &ev);
}

static void
enqueue(struct end *to, const char *bytes, size_t len)
{
	struct piece *p = malloc(sizeof(*p) + len);

	if (p == NULL)
		die("malloc");
	*p = (struct piece){ .due_us = now_us() + delay_us, .len = len };
	memcpy(p->bytes, bytes, len);
	if (to->first == NULL)
		to->first = p;
	else
		to->last->next = p;
	to->last = p;
	to->queued += len;
}

static void
read_some(struct end *e)
{
	static char bytes[READ_BYTES];
	ssize_t n;

	if (e->read_all)
		return;
	n = read(e->fd, bytes, sizeof(bytes));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		e->read_all = true;
	enqueue(e->other, bytes, n > 0 ? (size_t)n : 0);
}

/* What is due; an end passes as shutdown(). */
static void
write_some(struct end *e)
{
	uint64_t now = now_us();

	while (e->connected && e->first != NULL && e->first->due_us <= now) {
		struct piece *p = e->first;
		bool ends = p->len == 0;
		ssize_t n;

		if (ends) {
			shutdown(e->fd, SHUT_WR);
			n = 0;
		} else {
			n = send(e->fd, p->bytes + p->at, p->len - p->at,
			    MSG_NOSIGNAL);
			if (n < 0 && errno == EAGAIN)
				return;
			if (n < 0) {
				e->dead = e->other->dead = true;
				return;
			}
		}
		p->at += (size_t)n;
		e->queued -= (size_t)n;
		if (p->at < p->len)
			return;
		e->first = p->next;
		free(p);
		if (ends && e->read_all)
			e->dead = e->other->dead =
			    e->other->first == NULL;
	}
}

static struct end *
end_new(int fd, bool connected)
{
	struct end *e = calloc(1, sizeof(*e));
	int one = 1;

	if (e == NULL)
		die("calloc");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	e->fd = fd;
	e->connected = connected;
	e->next = all;
	all = e;
	return e;
}

static void
accept_one(int listener, const struct sockaddr_in *target)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int to = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct end *a, *b;

	if (fd < 0 || to < 0)
		die("accept");
	if (connect(to, (const struct sockaddr *)target, sizeof(*target)) != 0 &&
	    errno != EINPROGRESS)
		die("connect");
	a = end_new(fd, true);
	b = end_new(to, false);
	a->other = b;
	b->other = a;
	watch(a, true);
	watch(b, true);
}

static void
bury(void)
{
	struct end **at = &all;

	while (*at != NULL) {
		struct end *e = *at;

		if (!e->dead) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		close(e->fd);
		while (e->first != NULL) {
			struct piece *p = e->first;

			e->first = p->next;
			free(p);
		}
		free(e);
	}
}

/* Writes what has become due; how long nothing else will be. */
static int
wait_ms(void)
{
	uint64_t now = now_us(), next = now + 1000000;

	for (struct end *e = all; e != NULL; e = e->next) {
		write_some(e);
		if (e->first != NULL && e->first->due_us < next)
			next = e->first->due_us;
		if (!e->dead)
			watch(e, false);
	}
	bury();
	return next <= now ? 1 : (int)((next - now) / 1000);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET }, target = at;
	struct epoll_event events[EVENTS], ev = { .events = EPOLLIN };
	int listener, one = 1;

	if (argc != 6 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &target.sin_addr) != 1) {
		fputs("usage: delay LISTEN-IP PORT TARGET-IP PORT MS\n", stderr);
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	target.sin_port = htons((uint16_t)atoi(argv[4]));
	delay_us = (uint64_t)atoi(argv[5]) * 1000;
	ep = epoll_create1(EPOLL_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(listener, 1024) != 0)
		die("listen");
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, wait_ms());

		for (int i = 0; i < n; i++) {
			struct end *e = events[i].data.ptr;

			if (e == NULL) {
				accept_one(listener, &target);
				continue;
			}
			if (events[i].events & EPOLLOUT)
				e->connected = true;
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				read_some(e);
		}
	}
}
