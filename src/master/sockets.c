/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "net/listener.h"

enum { FIRST_HANDED_FD = 3 };		/* sd_listen_fds(3): SD_LISTEN_FDS_START */

static bool
add(struct sockets *s, const char *name, const struct endpoint *at, int fd,
    struct err *err)
{
	struct socket_entry *e = &s->list[s->count];
	char text[ENDPOINT_TEXT];

	if (s->count == SOCKETS_MAX) {
		close(fd);
		return err_set(err, "more than %d sockets: use fewer listeners "
		    "or threads", SOCKETS_MAX);
	}
	*e = (struct socket_entry){ .fd = fd };
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->at = xstrdup(endpoint_text(at, text));
	s->count++;
	return true;
}

static bool
open_one(struct sockets *s, const char *name, const struct endpoint *at,
    bool shared, unsigned mode, struct err *err)
{
	int fd = listener_bind(at, shared, mode, err);

	return fd >= 0 && add(s, name, at, fd, err);
}

/* A file would refuse connections from now on, and tell nobody why. */
static void
close_entry(struct socket_entry *e)
{
	if (!e->handed && !e->lent && strncmp(e->at, "unix:", 5) == 0)
		unlink(e->at + 5);
	close(e->fd);
	free(e->at);
}

/* Closes those that are unwanted. */
static void
sift(struct sockets *s, bool (*unwanted)(const struct socket_entry *,
    const struct config *), const struct config *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (unwanted(&s->list[i], config))
			close_entry(&s->list[i]);
		else
			s->list[kept++] = s->list[i];
	s->count = kept;
}

/* --- which socket is whose ------------------------------------------------ */

/* A listener that was given another name keeps its socket; where the kernel
 * chose the port, the name alone tells which is which. */
static bool
serves(const struct socket_entry *e, const struct config_listener *l)
{
	char text[ENDPOINT_TEXT];
	bool same_name = strcmp(e->name, l->name) == 0;

	return strcmp(e->at, endpoint_text(&l->address, text)) == 0 &&
	    (same_name || l->address.kind == ENDPOINT_UNIX ||
	    l->address.port != 0);
}

static const struct config_listener *
listener_of(const struct config *config, const struct socket_entry *e)
{
	for (size_t i = 0; i < config->nlisteners; i++)
		if (serves(e, &config->listeners[i]))
			return &config->listeners[i];
	return NULL;
}

size_t
sockets_of(const struct sockets *s, const struct config_listener *l, int *fds,
    size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count && n < most; i++)
		if (serves(&s->list[i], l))
			fds[n++] = s->list[i].fd;
	return n;
}

static bool
is_gone(const struct socket_entry *e, const struct config *config)
{
	return listener_of(config, e) == NULL;
}

void
sockets_settle(struct sockets *s, const struct config *config)
{
	sift(s, is_gone, config);
	for (size_t i = 0; i < s->count; i++) {
		struct socket_entry *e = &s->list[i];

		e->fresh = false;
		snprintf(e->name, sizeof(e->name), "%s",
		    listener_of(config, e)->name);
	}
}

static bool
is_fresh(const struct socket_entry *e, const struct config *config)
{
	(void)config;
	return e->fresh;
}

void
sockets_forget_fresh(struct sockets *s)
{
	sift(s, is_fresh, NULL);
}

/* --- what systemd hands over --------------------------------------------- */

static const struct config_listener *
listener_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->nlisteners; i++)
		if (strcmp(config->listeners[i].name, name) == 0)
			return &config->listeners[i];
	return NULL;
}

/* Takes the n-th descriptor under the next name of *names (a:b:c). */
static bool
take_handed(struct sockets *s, const struct config *config, int n,
    struct slice *names, struct err *err)
{
	const struct config_listener *l;
	struct slice part = { "", 0 };
	char name[SOCKET_NAME_MAX];
	int fd = FIRST_HANDED_FD + n;

	slice_split(names, ':', &part);
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(part));
	l = listener_named(config, name);
	if (l == NULL)
		return err_set(err, "systemd hands over a socket named \"%s\", "
		    "but no listener has that name: set FileDescriptorName= "
		    "to the name of one", name);
	if (sockets_find(s, name, 0) >= 0)
		return err_set(err, "systemd hands over two sockets named "
		    "\"%s\": give each a unit and a FileDescriptorName= of its "
		    "own, and a listener of that name", name);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (!add(s, name, &l->address, fd, err))
		return false;
	s->list[s->count - 1].handed = true;
	return true;
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

/* --- what another master lends --------------------------------------------- */

bool
sockets_lend(struct sockets *s, const char *name, const char *at,
    const int *fds, size_t count, bool handed)
{
	for (size_t i = 0; i < count; i++) {
		struct socket_entry *e = &s->list[s->count];

		if (s->count == SOCKETS_MAX)
			return false;
		*e = (struct socket_entry){ .fd = fds[i], .handed = handed,
		    .lent = true, .at = xstrdup(at) };
		snprintf(e->name, sizeof(e->name), "%s", name);
		s->count++;
	}
	return true;
}

static void
set_lent(struct sockets *s, bool lent)
{
	for (size_t i = 0; i < s->count; i++)
		s->list[i].lent = lent;
}

void
sockets_are_ours(struct sockets *s)
{
	set_lent(s, false);
}

void
sockets_are_lent(struct sockets *s)
{
	set_lent(s, true);
}

/* Moves those of this address; NULL: all.  Whether there were any. */
static bool
take_lent(struct sockets *s, struct sockets *lent, const struct endpoint *at)
{
	char text[ENDPOINT_TEXT];
	size_t kept = 0, before = s->count;

	if (at != NULL)
		endpoint_text(at, text);
	for (size_t i = 0; i < lent->count; i++)
		if ((at == NULL || strcmp(lent->list[i].at, text) == 0) &&
		    s->count < SOCKETS_MAX)
			s->list[s->count++] = lent->list[i];
		else
			lent->list[kept++] = lent->list[i];
	lent->count = kept;
	return s->count > before;
}

/* --- what we open ---------------------------------------------------------- */

/* 127.0.0.1:80 that becomes 0.0.0.0:80 meets itself for a moment. */
static bool
port_is_ours(const struct sockets *s, unsigned port)
{
	char end[8];
	size_t len = (size_t)snprintf(end, sizeof(end), ":%u", port);

	for (size_t i = 0; i < s->count; i++) {
		size_t have = strlen(s->list[i].at);

		if (have > len && strcmp(s->list[i].at + have - len, end) == 0)
			return true;
	}
	return false;
}

/* As the file says it, whichever port the kernel chose. */
static void
called(struct socket_entry *e, const struct config_listener *l)
{
	char text[ENDPOINT_TEXT];

	free(e->at);
	e->at = xstrdup(endpoint_text(&l->address, text));
	e->fresh = true;
}

/* One socket a thread, so the kernel spreads connections without a lock; a
 * UNIX socket cannot be bound twice and is shared. */
static bool
open_listener(struct sockets *s, const struct config_listener *l,
    unsigned threads, struct err *err)
{
	bool unix_socket = l->address.kind == ENDPOINT_UNIX;
	struct endpoint at = l->address;
	char text[ENDPOINT_TEXT];
	unsigned count = unix_socket ? 1 : threads;

	if (!unix_socket && at.port != 0 && !port_is_ours(s, at.port) &&
	    !listener_is_free(&at, err))
		return err_wrap(err, "%s:%u: listener %s", l->at.file,
		    l->at.line, l->name);
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
		called(&s->list[s->count - 1], l);
	}
	log_info("listener %s: %s", l->name, endpoint_text(&at, text));
	return true;
}

bool
sockets_follow(struct sockets *s, const struct config *config,
    unsigned threads, struct err *err)
{
	for (size_t i = 0; i < config->nlisteners; i++) {
		const struct config_listener *l = &config->listeners[i];
		int any;

		if (sockets_of(s, l, &any, 1) == 1 ||
		    open_listener(s, l, threads, err))
			continue;
		sockets_forget_fresh(s);
		return false;
	}
	return true;
}

bool
sockets_open_edge(struct sockets *s, const struct config *config,
    unsigned threads, struct sockets *lent, struct err *err)
{
	take_lent(s, lent, NULL);
	if (!take_all_handed(s, config, err) ||
	    !sockets_follow(s, config, threads, err))
		return false;
	sockets_settle(s, config);
	return true;
}

static bool
open_unix(struct sockets *s, const char *name, const char *path,
    unsigned mode, struct sockets *lent, struct err *err)
{
	struct endpoint at = { .kind = ENDPOINT_UNIX };

	if (strlen(path) >= sizeof(((struct endpoint *)0)->name))
		return err_set(err, "%s: longer than a socket's path may be",
		    path);
	snprintf(at.name, sizeof(at.name), "%s", path);
	return take_lent(s, lent, &at) ||
	    open_one(s, name, &at, false, mode, err);
}

static bool
is_of_console(const struct socket_entry *e, const struct config *config)
{
	const char *path;
	char text[ENDPOINT_TEXT];

	if (strcmp(e->name, "console") == 0)
		return config->console.enabled && strcmp(e->at,
		    endpoint_text(&config->console.address, text)) == 0;
	path = strcmp(e->name, "reader") == 0 ? config->console.read_socket :
	    config->console.socket;
	return path != NULL && strcmp(e->at + strlen("unix:"), path) == 0;
}

static bool
is_not_of_console(const struct socket_entry *e, const struct config *config)
{
	return !is_of_console(e, config);
}

static bool
has_for_console(const struct sockets *s, const char *name,
    const struct config *config)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i].name, name) == 0 &&
		    is_of_console(&s->list[i], config))
			return true;
	return false;
}

/* A socket of the console's in the file system. */
struct console_socket {
	const char	*name, *path, *key;
	unsigned	 mode;
};

/* One that has no path is not wanted. */
static bool
open_socket_of_console(struct sockets *s, const struct config *config,
    const struct console_socket *one, struct sockets *lent, struct err *err)
{
	if (one->path == NULL || has_for_console(s, one->name, config))
		return true;
	if (!open_unix(s, one->name, one->path, one->mode, lent, err))
		return err_wrap(err, "%s: %s", config->file, one->key);
	s->list[s->count - 1].fresh = true;
	return true;
}

static bool
open_for_console(struct sockets *s, const struct config *config,
    struct sockets *lent, struct err *err)
{
	const struct endpoint *at = &config->console.address;
	const struct console_socket
	    admin = { "admin", config->console.socket, "console.socket", 0600 },
	    reader = { "reader", config->console.read_socket,
	    "console.read_socket", 0660 };

	if (config->console.enabled && !has_for_console(s, "console",
	    config) && !take_lent(s, lent, at)) {
		if (!open_one(s, "console", at, false, 0600, err))
			return err_wrap(err, "%s: console.address",
			    config->file);
		s->list[s->count - 1].fresh = true;
	}
	return open_socket_of_console(s, config, &admin, lent, err) &&
	    open_socket_of_console(s, config, &reader, lent, err);
}

bool
sockets_open_console(struct sockets *s, const struct config *config,
    struct sockets *lent, struct err *err)
{
	if (!open_for_console(s, config, lent, err))
		return false;
	for (size_t i = 0; i < s->count; i++)
		s->list[i].fresh = false;
	return true;
}

bool
sockets_follow_console(struct sockets *s, const struct config *config,
    struct err *err)
{
	struct sockets *nothing = xcalloc(1, sizeof(*nothing));
	bool good = open_for_console(s, config, nothing, err);

	free(nothing);
	if (!good)
		sockets_forget_fresh(s);
	return good;
}

void
sockets_settle_console(struct sockets *s, const struct config *config)
{
	sift(s, is_not_of_console, config);
}

bool
sockets_open_engine(struct sockets *s, const struct config *config,
    unsigned number, struct sockets *lent, struct err *err)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/engine-%s-%u.sock", config->run_dir,
	    config->region, number);
	return open_unix(s, "engine", path, 0600, lent, err) || err_wrap(err, "is this "
	    "service running already? Two instances need two run_dirs");
}

void
sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		close_entry(&s->list[i]);
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
	for (size_t i = 0; s != NULL && i < s->count; i++)
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

	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (s->list[i].fd > highest)
			highest = s->list[i].fd;
	for (int fd = STDERR_FILENO + 1; fd <= highest; fd++)
		if (!is_kept(s, another, fd))
			close(fd);
	close_range((unsigned)highest + 1, ~0U, 0);
}
