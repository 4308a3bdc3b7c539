/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The upstream of the benchmark: one thread, epoll, answers every request
 * with the same bytes and reads nothing but path and Content-Length, so that
 * it costs a fraction of any proxy before it.
 *
 *	responder PORT REGION
 *
 * A path that holds /64k or /1m gets a body of that size, others 128 bytes.
 */
#include <arpa/inet.h>
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

enum { CONNS = 65536, IN_BYTES = 64 * 1024 };

struct answer {
	char	*bytes;
	size_t	 len;
};

/* What a slow reader has not taken yet of one answer. */
static struct { const struct answer *answer; size_t at; } waiting[CONNS];
/* What is still to come of a request's body. */
static size_t body_left[CONNS];
static struct answer small, medium, large;
static char in[IN_BYTES];
static int loop;

static struct answer
make_answer(const char *region, size_t body)
{
	struct answer a = { malloc(body + 256), 0 };

	if (a.bytes == NULL)
		stop("malloc");
	a.len = (size_t)sprintf(a.bytes, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "X-ManyWho-Region-Backend: %s\r\nContent-Length: %zu\r\n\r\n",
	    region, body);
	memset(a.bytes + a.len, 'x', body);
	a.len += body;
	return a;
}

static void
end(int fd)
{
	waiting[fd].answer = NULL;
	body_left[fd] = 0;
	close(fd);
}

static void
watch(int fd, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(loop, how, fd, &e) != 0)
		stop("epoll_ctl");
}

static void
push(int fd)
{
	const struct answer *a = waiting[fd].answer;
	ssize_t n = send(fd, a->bytes + waiting[fd].at,
	    a->len - waiting[fd].at, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		end(fd);
		return;
	}
	waiting[fd].at += n < 0 ? 0 : (size_t)n;
	if (waiting[fd].at < a->len) {
		watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
		return;
	}
	if (waiting[fd].at == a->len && a != &small)
		watch(fd, EPOLLIN, EPOLL_CTL_MOD);
	waiting[fd].answer = NULL;
}

static const struct answer *
choose(const char *bytes, size_t len)
{
	size_t line = len < 200 ? len : 200;

	if (memmem(bytes, line, "/64k", 4) != NULL)
		return &medium;
	return memmem(bytes, line, "/1m", 3) != NULL ? &large : &small;
}

static size_t
length_of(const char *head, size_t len)
{
	/* HAProxy writes names small. */
	static const char *const names[] = { "\r\nContent-Length: ",
	    "\r\ncontent-length: " };

	for (int i = 0; i < 2; i++) {
		const char *at = memmem(head, len, names[i], strlen(names[i]));

		if (at != NULL)
			return strtoul(at + strlen(names[i]), NULL, 10);
	}
	return 0;
}

static void
answer(int fd, const struct answer *with)
{
	waiting[fd].answer = with;
	waiting[fd].at = 0;
	push(fd);
}

/* The rest of a body that began earlier; what follows it in in[]. */
static char *
skip_body(int fd, char *at, size_t len)
{
	size_t n = len < body_left[fd] ? len : body_left[fd];

	if (n == 0)
		return at;
	body_left[fd] -= n;
	if (body_left[fd] == 0)
		answer(fd, &small);
	return at + n;
}

/* Heads arrive whole here: the peers are proxies on the same machine. */
static void
serve(int fd)
{
	ssize_t n = recv(fd, in, sizeof(in), 0);
	char *at = in, *stop_at, *head_end;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			end(fd);
		return;
	}
	stop_at = in + n;
	at = skip_body(fd, at, (size_t)n);
	while ((head_end = memmem(at, (size_t)(stop_at - at), "\r\n\r\n", 4)) !=
	    NULL) {
		const struct answer *with = choose(at, (size_t)(head_end - at));

		body_left[fd] = length_of(at, (size_t)(head_end - at));
		at = head_end + 4;
		if (body_left[fd] == 0)
			answer(fd, with);
		else
			at = skip_body(fd, at, (size_t)(stop_at - at));
	}
}

static void
take(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (fd >= CONNS) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
	    .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&in4, sizeof(in4)) != 0 ||
	    listen(fd, 4096) != 0)
		stop("bind");
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener, n;

	if (argc != 3) {
		fprintf(stderr, "usage: responder PORT REGION\n");
		return 2;
	}
	small = make_answer(argv[2], 128);
	medium = make_answer(argv[2], 64 * 1024);
	large = make_answer(argv[2], 1024 * 1024);
	loop = epoll_create1(0);
	listener = listen_on((uint16_t)atoi(argv[1]));
	watch(listener, EPOLLIN, EPOLL_CTL_ADD);
	while ((n = epoll_wait(loop, events, 256, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				take(listener);
			else if (waiting[events[i].data.fd].answer != NULL)
				push(events[i].data.fd);
			else
				serve(events[i].data.fd);
		}
	return 1;
}
