/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/listening.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "net/listener.h"

enum { UNIX_MODE = 0666 };

void
listenings_init(struct listenings *all, unsigned workers)
{
	list_init(&all->all);
	all->workers = workers;
}

static void
close_fds(struct listening *l)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		int fd = listening_take(l, i);

		if (fd >= 0)
			close(fd);
	}
}

static void
remove_slot(struct listening *l)
{
	list_remove(&l->node);
	close_fds(l);
	bad_requests_free(&l->bad);
	free(l);
}

void
listenings_fini(struct listenings *all)
{
	list_each(node, &all->all)
		remove_slot(list_entry(node, struct listening, node));
	handed_close(&all->handed);
}

static bool
same_place(const struct listening *l, const struct config_listener *c)
{
	char a[ENDPOINT_TEXT], b[ENDPOINT_TEXT];

	return strcmp(l->name, c->name) == 0 && l->kind == c->kind &&
	    l->tls == (c->kind == LISTENER_LINK || c->first.certificate != NULL) &&
	    strcmp(endpoint_text(&l->address, a),
	    endpoint_text(&c->address, b)) == 0;
}

static struct listening *
known(struct listenings *all, const struct config_listener *c)
{
	list_each(node, &all->all) {
		struct listening *l = list_entry(node, struct listening, node);

		if (!l->gone && same_place(l, c))
			return l;
	}
	return NULL;
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint at;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return 0;
	endpoint_of_sockaddr(&at, (struct sockaddr *)&ss);
	return at.port;
}

/*
 * Sockets that somebody opened for us: one each while they last.  Workers
 * left over share the first, each through a descriptor of its own.
 */
static bool
take_handed(struct listenings *all, struct listening *l, struct err *err)
{
	unsigned taken = 0;

	for (size_t i = 0; i < all->handed.count && taken < all->workers;
	    i++) {
		struct handed_socket *s = &all->handed.list[i];

		if (s->fd < 0 || strcmp(s->name, l->name) != 0)
			continue;
		l->fds[taken++] = s->fd;
		s->fd = -1;
	}
	for (unsigned i = taken; taken > 0 && i < all->workers; i++) {
		l->fds[i] = fcntl(l->fds[0], F_DUPFD_CLOEXEC, 0);
		if (l->fds[i] < 0)
			return err_set(err, "listener %s: no more descriptors",
			    l->name);
	}
	return true;
}

/* With SO_REUSEPORT the kernel deals connections out to the workers. */
static bool
bind_all(struct listenings *all, struct listening *l,
    const struct config_listener *c, struct err *err)
{
	struct endpoint at = l->address;
	bool is_unix = at.kind == ENDPOINT_UNIX;

	for (unsigned i = 0; i < all->workers; i++) {
		if (is_unix && i > 0)
			l->fds[i] = fcntl(l->fds[0], F_DUPFD_CLOEXEC, 0);
		else
			l->fds[i] = listener_bind(&at, !is_unix, UNIX_MODE,
			    err);
		if (l->fds[i] < 0)
			return err_wrap(err, "%s:%u: listener %s", c->at.file,
			    c->at.line, l->name);
		if (!is_unix)
			at.port = bound_port(l->fds[i]);
	}
	return true;
}

static struct listening *
open_new(struct listenings *all, const struct config_listener *c,
    struct err *err)
{
	struct listening *l = xcalloc(1, sizeof(*l));

	snprintf(l->name, sizeof(l->name), "%s", c->name);
	l->kind = c->kind;
	l->tls = c->kind == LISTENER_LINK || c->first.certificate != NULL;
	l->address = c->address;
	l->bad = bad_requests_new();
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		atomic_init(&l->fds[i], -1);
	list_append(&all->all, &l->node);
	if (!take_handed(all, l, err) ||
	    (l->fds[0] < 0 && !bind_all(all, l, c, err))) {
		remove_slot(l);
		return NULL;
	}
	snprintf(l->port, sizeof(l->port), "%u", bound_port(l->fds[0]));
	return l;
}

static bool
open_all(struct listenings *all, const struct config *config,
    struct listening **found, struct err *err)
{
	struct listening *opened[LISTENERS_MAX];
	size_t nopened = 0;

	if (config->nlisteners > LISTENERS_MAX)
		return err_set(err, "more than %d listeners", LISTENERS_MAX);
	for (size_t i = 0; i < config->nlisteners; i++) {
		found[i] = known(all, &config->listeners[i]);
		if (found[i] != NULL)
			continue;
		found[i] = open_new(all, &config->listeners[i], err);
		if (found[i] == NULL) {
			while (nopened > 0)
				remove_slot(opened[--nopened]);
			return false;
		}
		opened[nopened++] = found[i];
	}
	return true;
}

bool
listenings_open(struct listenings *all, const struct config *config,
    struct listening **found, struct err *err)
{
	bool good = open_all(all, config, found, err);

	handed_close(&all->handed);
	return good;
}

/*
 * A slot without sockets stays in the list of the process: requests that came
 * in through it may still point to it, and there are only as many as listeners
 * were ever configured.
 */
void
listenings_keep(struct listenings *all, struct listening *const *found,
    size_t count)
{
	list_each(node, &all->all) {
		struct listening *l = list_entry(node, struct listening, node);
		bool kept = false;

		for (size_t i = 0; i < count; i++)
			kept |= found[i] == l;
		if (kept)
			continue;
		close_fds(l);
		l->gone = true;
	}
}
