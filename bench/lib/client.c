/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

noreturn void
stop(const char *what)
{
	perror(what);
	exit(1);
}

double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct addresses
read_addresses(const char *file)
{
	struct addresses a = { NULL, 0 };
	FILE *f = fopen(file, "r");
	size_t room = 0;

	if (f == NULL)
		stop(file);
	for (;;) {
		if (a.count == room) {
			room = room == 0 ? 1024 : room * 2;
			a.text = realloc(a.text, room * sizeof(*a.text));
			if (a.text == NULL)
				stop("realloc");
		}
		if (fscanf(f, "%47s", a.text[a.count]) != 1)
			break;
		a.count++;
	}
	fclose(f);
	if (a.count == 0)
		stop("no addresses");
	return a;
}

static int
connect_to(uint16_t port, int flags)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0), yes = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS))
		stop("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

int
dial(uint16_t port)
{
	return connect_to(port, 0);
}

int
dial_begin(uint16_t port)
{
	return connect_to(port, SOCK_NONBLOCK);
}

size_t
content_length(const char *head, size_t len)
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

int
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
