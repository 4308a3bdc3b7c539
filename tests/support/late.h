/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A way to a PostgreSQL server that takes connections at once, and lets them
 * through to it when it is told to, on a thread of its own.
 */
#ifndef SUPPORT_LATE_H
#define SUPPORT_LATE_H

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"

enum { LATE_MOST = 24 };

struct late {
	char		 dir[64];	/* the host of a conninfo */
	struct sockaddr_un here, there;
	pthread_t	 thread;
	struct pollfd	 fds[1 + 2 * LATE_MOST];	/* listener, pairs */
	nfds_t		 count;
};

static inline struct sockaddr_un
late_socket(const char *dir)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	must((size_t)snprintf(at.sun_path, sizeof(at.sun_path),
	    "%.64s/.s.PGSQL.5432", dir) < sizeof(at.sun_path));
	return at;
}

static inline void
late_open(struct late *l)
{
	*l = (struct late){ .dir = "/tmp/portolan-late-XXXXXX", .count = 1 };
	must(mkdtemp(l->dir) != NULL);
	l->here = late_socket(l->dir);
	l->fds[0] = (struct pollfd){ .fd = socket(AF_UNIX, SOCK_STREAM, 0),
	    .events = POLLIN };
	must(bind(l->fds[0].fd, (struct sockaddr *)&l->here,
	    sizeof(l->here)) == 0 && listen(l->fds[0].fd, LATE_MOST) == 0);
}

static inline void
late_join(struct late *l, int client)
{
	int beyond = socket(AF_UNIX, SOCK_STREAM, 0);

	must(l->count + 2 <= 1 + 2 * LATE_MOST &&
	    connect(beyond, (struct sockaddr *)&l->there,
	    sizeof(l->there)) == 0);
	l->fds[l->count++] = (struct pollfd){ client, POLLIN, 0 };
	l->fds[l->count++] = (struct pollfd){ beyond, POLLIN, 0 };
}

/* What one says goes to the other; with one's end both are closed. */
static inline void
late_pass(struct late *l, nfds_t from)
{
	nfds_t to = ((from - 1) ^ 1) + 1;
	char bytes[16384];
	ssize_t n = read(l->fds[from].fd, bytes, sizeof(bytes));

	if (n > 0 && send(l->fds[to].fd, bytes, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	close(l->fds[from].fd);
	close(l->fds[to].fd);
	l->fds[from].fd = l->fds[to].fd = -1;
	l->fds[from].revents = l->fds[to].revents = 0;
}

static inline void *
late_run(void *arg)
{
	struct late *l = arg;
	int client = 0;

	while (client >= 0) {
		must(poll(l->fds, l->count, -1) > 0);
		for (nfds_t i = 1; i < l->count; i++)
			if (l->fds[i].revents != 0)
				late_pass(l, i);
		if (l->fds[0].revents != 0 &&
		    (client = accept(l->fds[0].fd, NULL, NULL)) >= 0)
			late_join(l, client);
	}
	return NULL;
}

/* To the server in dir: who waits, and who comes. */
static inline void
late_let_through(struct late *l, const char *dir)
{
	l->there = late_socket(dir);
	must(pthread_create(&l->thread, NULL, late_run, l) == 0);
}

static inline void
late_close(struct late *l)
{
	shutdown(l->fds[0].fd, SHUT_RDWR);
	must(pthread_join(l->thread, NULL) == 0);
	for (nfds_t i = 0; i < l->count; i++)
		if (l->fds[i].fd >= 0)
			close(l->fds[i].fd);
	unlink(l->here.sun_path);
	rmdir(l->dir);
}

#endif
