/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Engine workers whose program or settings have changed are replaced by new
 * ones after a reload, one by one: each new one accepts on the socket of the
 * one that it replaces, and only when it is ready is that asked to end.  So
 * none is ever missing.  One that does not become ready stops the roll: what
 * serves, serves on.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "master/notify.h"
#include "master/private.h"

enum { READY_MS = 30000 };

static void
add(struct buf *setup, const char *text)
{
	buf_text(setup, text == NULL ? "" : text);
	buf_char(setup, '\n');
}

/* What a worker is started with and cannot take up later: where states are
 * kept, and which files it may read at all.  Hashed, since there are
 * passwords in it. */
static uint64_t
setup_of(const struct config *config)
{
	const struct config_engines *e = &config->engines;
	struct buf setup = { 0 };
	uint64_t hash;

	add(&setup, e->store_dir);
	add(&setup, e->flows_dir);
	add(&setup, e->external_ca);
	for (size_t i = 0; i < e->nkey_files; i++)
		add(&setup, e->key_files[i]);
	add(&setup, config->services.ca);
	add(&setup, config->region_map);
	add(&setup, config->policy.restrictions);
	add(&setup, config->policy.tag_key_file);
	add(&setup, config->sandbox ? "sandbox" : "");
	add(&setup, config->store.postgres);
	for (size_t i = 0; i < config->store.npeers; i++) {
		add(&setup, config->store.peers[i].region);
		add(&setup, config->store.peers[i].conninfo);
	}
	hash = hash_slice(buf_all(&setup));
	explicit_bzero(setup.p, setup.len);
	buf_fini(&setup);
	return hash;
}

void
rolling_started(const struct master *m, struct child *c)
{
	if (c->role.kind != ROLE_ENGINE)
		return;
	c->setup = setup_of(m->generation->config);
	c->image = c->program == NULL ? m->image : file_identity(m->program);
}

/* A file that is not there is no newer program. */
static bool
has_changed(const struct master *m, const struct child *c)
{
	struct file_identity now = file_identity(m->program);

	return setup_of(m->generation->config) != c->setup ||
	    (now.exists && !file_identity_eq(&now, &c->image));
}

/* One that serves, and nobody is about to replace. */
static struct child *
next_to_replace(const struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++) {
		struct child *c = m->children[i];

		if (c->role.kind == ROLE_ENGINE && c->to_replace &&
		    c->state == CHILD_RUNNING)
			return c;
	}
	return NULL;
}

static struct child *
replacement(const struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->replaces != NULL)
			return m->children[i];
	return NULL;
}

static bool
share_sockets(struct sockets *to, const struct sockets *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct socket_entry *e = &from->list[i];
		int fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);

		if (fd < 0 || !sockets_lend(to, e->name, e->at, &fd, 1,
		    e->handed))
			return false;
	}
	return true;
}

/* The program that the file holds now, if it is not the one that we are. */
static const char *
program_for(const struct master *m)
{
	struct file_identity now = file_identity(m->program);

	return now.exists && !file_identity_eq(&now, &m->image) ?
	    m->program : NULL;
}

static void
stop(struct master *m, const char *name, const char *why)
{
	for (size_t i = 0; i < m->nchildren; i++)
		m->children[i]->to_replace = false;
	log_error("%s: its replacement %s; the engine workers are not replaced "
	    "any further, and what serves goes on", name, why);
	notify_manager("STATUS=Serving; an engine worker's replacement failed");
}

static void
replace(struct master *m, struct child *old)
{
	struct child *c;

	old->to_replace = false;
	if (m->nchildren == CHILDREN_MAX) {
		stop(m, old->role.name, "has no room");
		return;
	}
	c = child_new(ROLE_ENGINE, old->role.number, m->options->config_file,
	    m->generation);
	if (!share_sockets(&c->sockets, &old->sockets)) {
		child_free(&c);
		stop(m, old->role.name, "gets no socket");
		return;
	}
	c->state = CHILD_WAITING;
	c->replaces = old;
	c->program = program_for(m);
	c->ready_by_ms = clock_ms() + READY_MS;
	m->children[m->nchildren++] = c;
	log_info("%s is replaced%s", old->role.name, c->program == NULL ? "" :
	    ", by a new program");
}

void
rolling_begin(struct master *m)
{
	unsigned changed = 0;

	for (size_t i = 0; i < m->nchildren; i++) {
		struct child *c = m->children[i];

		if (c->role.kind != ROLE_ENGINE || c->replaces != NULL ||
		    c->role.number >= m->generation->config->engines.embedded)
			continue;
		c->to_replace = has_changed(m, c);
		changed += c->to_replace;
	}
	if (changed > 0)
		log_info("%u engine workers are replaced one by one: their "
		    "program or settings have changed", changed);
}

void
rolling_look(struct master *m)
{
	struct child *c = replacement(m), *old;

	if (c == NULL) {
		old = m->stage == STAGE_SERVING ? next_to_replace(m) : NULL;
		if (old != NULL)
			replace(m, old);
		return;
	}
	old = c->replaces;
	if (c->ready) {
		/* The file of the socket is the new one's from now on. */
		c->replaces = NULL;
		sockets_are_ours(&c->sockets);
		sockets_are_lent(&old->sockets);
		end_child(old);
	} else if (c->state == CHILD_GONE ||
	    (c->state == CHILD_RUNNING && clock_ms() >= c->ready_by_ms)) {
		stop(m, old->role.name, c->state == CHILD_GONE ?
		    "did not start; what it wrote to the log says why" :
		    "was not ready in time");
		c->replaces = NULL;
		child_signal(c, SIGKILL);
		end_child(c);
		m->adjust = true;
	}
}

bool
rolling_failed(struct child *c)
{
	return c->replaces != NULL && !c->ready;
}

uint64_t
rolling_due_ms(const struct master *m)
{
	const struct child *c = replacement(m);

	return c == NULL || c->state != CHILD_RUNNING ? 0 : c->ready_by_ms;
}
