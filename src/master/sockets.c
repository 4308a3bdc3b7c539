/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listener.h"

enum { FIRST_HANDED_FD = 3 };		/* sd_listen_fds(3): SD_LISTEN_FDS_START */

static bool
add(struct sockets *s, const char *name, int fd, struct err *err)
{
	struct socket_entry *e = &s->list[s->count];

	if (s->count == SOCKETS_MAX) {
		close(fd);
		return err_set(err, "more than %d sockets: use fewer listeners "
		    "or threads", SOCKETS_MAX);
	}
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->fd = fd;
	s->count++;
	return true;
}

static bool
open_one(struct sockets *s, const char *name, const struct endpoint *at,
    bool shared, unsigned mode, struct err *err)
{
	int fd = listener_bind(at, shared, mode, err);

	return fd >= 0 && add(s, name, fd, err);
}

/* --- what systemd hands over --------------------------------------------- */

static bool
is_listener(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->nlisteners; i++)
		if (strcmp(config->listeners[i].name, name) == 0)
			return true;
	return false;
}

/* Takes the n-th descriptor under the next name of *names (a:b:c). */
static bool
take_handed(struct sockets *s, const struct config *config, int n,
    struct slice *names, struct err *err)
{
	struct slice part = { "", 0 };
	char name[SOCKET_NAME_MAX];
	int fd = FIRST_HANDED_FD + n;

	slice_split(names, ':', &part);
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(part));
	if (!is_listener(config, name))
		return err_set(err, "systemd hands over a socket named \"%s\", "
		    "but no listener has that name: set FileDescriptorName= "
		    "to the name of one", name);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return add(s, name, fd, err);
}

static bool
take_all_handed(struct sockets *s, const struct config *config,
    struct err *err)
{
	const char *fdnames = getenv("LISTEN_FDNAMES");
	struct slice names = slice_of(fdnames == NULL ? "" : fdnames);
	uint64_t pid, count;

	if (!slice_to_u64(slice_of(getenv("LISTEN_PID")), &pid) ||
	    !slice_to_u64(slice_of(getenv("LISTEN_FDS")), &count) ||
	    pid != (uint64_t)getpid())
		return true;
	for (int i = 0; i < SOCKETS_MAX && (uint64_t)i < count; i++)
		if (!take_handed(s, config, i, &names, err))
			return false;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return true;
}

/* --- what we open ---------------------------------------------------------- */

/* One socket a thread, so the kernel spreads connections without a lock; a
 * UNIX socket cannot be bound twice and is shared. */
static bool
open_listener(struct sockets *s, const struct config_listener *l,
    unsigned threads, struct err *err)
{
	bool unix_socket = l->address.kind == ENDPOINT_UNIX;
	struct endpoint at = l->address;
	unsigned count = unix_socket ? 1 : threads;

	for (unsigned i = 0; i < count; i++) {
		if (!open_one(s, l->name, &at, !unix_socket, 0666, err))
			return err_wrap(err, "%s:%u: listener %s", l->at.file,
			    l->at.line, l->name);
		if (at.port == 0 && !unix_socket) {
			/* The kernel chose: the others must join that port. */
			struct sockaddr_storage ss;
			socklen_t len = sizeof(ss);

			getsockname(s->list[s->count - 1].fd,
			    (struct sockaddr *)&ss, &len);
			endpoint_of_sockaddr(&at, (struct sockaddr *)&ss);
		}
	}
	return true;
}

bool
sockets_open_edge(struct sockets *s, const struct config *config,
    unsigned threads, struct err *err)
{
	if (!take_all_handed(s, config, err))
		return false;
	for (size_t i = 0; i < config->nlisteners; i++) {
		const struct config_listener *l = &config->listeners[i];

		if (sockets_find(s, l->name, 0) < 0 &&
		    !open_listener(s, l, threads, err))
			return false;
	}
	return true;
}

static bool
open_unix(struct sockets *s, const char *name, const char *path,
    struct err *err)
{
	struct endpoint at = { .kind = ENDPOINT_UNIX };

	if (strlen(path) >= sizeof(((struct endpoint *)0)->name))
		return err_set(err, "%s: longer than a socket's path may be",
		    path);
	snprintf(at.name, sizeof(at.name), "%s", path);
	return open_one(s, name, &at, false, 0600, err);
}

bool
sockets_open_console(struct sockets *s, const struct config *config,
    struct err *err)
{
	if (config->console.enabled && !open_one(s, "console",
	    &config->console.address, false, 0600, err))
		return err_wrap(err, "console.address");
	if (config->console.socket != NULL && !open_unix(s, "admin",
	    config->console.socket, err))
		return err_wrap(err, "console.socket");
	return true;
}

bool
sockets_open_engine(struct sockets *s, const struct config *config,
    unsigned number, struct err *err)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/engine-%s-%u.sock", config->run_dir,
	    config->region, number);
	return open_unix(s, "engine", path, err);
}

void
sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->list[i].fd);
	s->count = 0;
}

int
sockets_find(const struct sockets *s, const char *name, unsigned n)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i].name, name) == 0 && n-- == 0)
			return s->list[i].fd;
	return -1;
}

static bool
is_kept(const struct sockets *s, int another, int fd)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].fd == fd)
			return true;
	return fd == another;
}

/* Descriptors are small numbers and few: the highest kept one ends the walk
 * by hand, close_range(2) takes the rest. */
void
sockets_keep_only(const struct sockets *s, int another)
{
	int highest = another;

	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].fd > highest)
			highest = s->list[i].fd;
	for (int fd = STDERR_FILENO + 1; fd <= highest; fd++)
		if (!is_kept(s, another, fd))
			close(fd);
	close_range((unsigned)highest + 1, ~0U, 0);
}
