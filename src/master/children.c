/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which children there are, and the sockets that each begins with.
 */
#include "master/private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/fixed.h"

enum {
	CONSOLE_LATEST_MS = 2000,	/* it starts when the edge is ready, or so
					   late: it must tell of a slow start */
};

static bool
open_sockets(struct master *m, struct child *c, struct err *err)
{
	const struct config *config = m->generation->config;
	struct sockets *lent = &m->heir.sockets[c->role.kind];

	switch (c->role.kind) {
	case ROLE_EDGE:
		/* A queue that no thread looks at would be lost. */
		c->role.threads = m->heir.threads > 0 ? m->heir.threads :
		    config_threads(config);
		return sockets_open_edge(&c->sockets, config, c->role.threads,
		    lent, err);
	case ROLE_ENGINE:
		return sockets_open_engine(&c->sockets, config,
		    c->role.number, lent, err);
	default:
		return sockets_open_console(&c->sockets, config, lent, err);
	}
}

void
own_socket_files(struct master *m, const struct config *config,
    const struct child *c)
{
	char path[256];

	for (size_t i = 0; c->role.kind == ROLE_EDGE &&
	    i < config->nlisteners; i++)
		if (config->listeners[i].address.kind == ENDPOINT_UNIX)
			identity_own_file(&m->identity,
			    config->listeners[i].address.name);
	if (c->role.kind == ROLE_ENGINE) {
		snprintf(path, sizeof(path), "%s/engine-%s-%u.sock",
		    config->run_dir, config->region, c->role.number);
		identity_own_file(&m->identity, path);
	}
	if (c->role.kind == ROLE_CONSOLE && config->console.socket != NULL)
		identity_own_file(&m->identity, config->console.socket);
	if (c->role.kind == ROLE_CONSOLE && config->console.read_socket != NULL)
		identity_own_file(&m->identity, config->console.read_socket);
}

bool
own_store(struct master *m, struct err *err)
{
	const struct config *config = m->generation->config;

	return config->engines.embedded == 0 ||
	    config->engines.store_dir == NULL ||
	    identity_own_dir(&m->identity, config->engines.store_dir, err) ||
	    err_wrap(err, "%s: engines.store", config->file);
}

static bool
add_child(struct master *m, enum role_kind kind, unsigned number,
    struct err *err)
{
	struct child *c;

	if (m->nchildren == CHILDREN_MAX)
		return err_set(err, "engines.embedded: more than %d workers",
		    CHILDREN_MAX - 2);
	c = child_new(kind, number, m->options->config_file, m->generation);
	c->role.heir = m->heir.fd >= 0;
	if (!open_sockets(m, c, err)) {
		child_free(&c);
		return false;
	}
	own_socket_files(m, m->generation->config, c);
	c->state = CHILD_WAITING;
	/* An heir's waits until all is ours. */
	if (kind == ROLE_CONSOLE)
		c->start_ms = c->role.heir ? UINT64_MAX :
		    clock_ms() + CONSOLE_LATEST_MS;
	m->children[m->nchildren++] = c;
	return true;
}

/* Engines first: the edge should find them. */
bool
children_add(struct master *m, struct err *err)
{
	const struct config *config = m->generation->config;

	for (unsigned i = 0; i < config->engines.embedded; i++)
		if (!add_child(m, ROLE_ENGINE, i, err))
			return false;
	if (!add_child(m, ROLE_EDGE, 0, err))
		return false;
	if (!config->console.enabled && config->console.socket == NULL)
		return true;
	return add_child(m, ROLE_CONSOLE, 0, err);
}

struct child *
child_by_pid(struct master *m, pid_t pid)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->pid == pid)
			return m->children[i];
	return NULL;
}

struct child *
child_of_role(const struct master *m, enum role_kind kind)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == kind)
			return m->children[i];
	return NULL;
}

bool
children_gone(const struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->state != CHILD_GONE)
			return false;
	return true;
}

void
children_forget_fresh(struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++)
		sockets_forget_fresh(&m->children[i]->sockets);
}

static void
forget_gone(struct master *m)
{
	size_t kept = 0;

	/* Nobody is left that it could replace. */
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->replaces != NULL &&
		    m->children[i]->replaces->state == CHILD_GONE)
			m->children[i]->replaces = NULL;
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->state == CHILD_GONE)
			child_free(&m->children[i]);
		else
			m->children[kept++] = m->children[i];
	m->nchildren = kept;
}

static bool
has_engine(const struct master *m, unsigned number)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == ROLE_ENGINE &&
		    m->children[i]->role.number == number)
			return true;
	return false;
}

void
children_adjust(struct master *m)
{
	unsigned wanted = m->generation->config->engines.embedded;
	struct err err;

	m->adjust = false;
	forget_gone(m);
	if (!own_store(m, &err))
		log_error("%s", err.text);
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == ROLE_ENGINE &&
		    m->children[i]->role.number >= wanted)
			end_child(m->children[i]);
	for (unsigned i = 0; i < wanted; i++)
		if (!has_engine(m, i) &&
		    !add_child(m, ROLE_ENGINE, i, &err)) {
			log_error("engine worker %u cannot start: %s", i,
			    err.text);
			return;
		}
}
