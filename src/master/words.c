/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the children say, and what they are given for it: keys and sockets for
 * the edge, a reload for all of them, and the console's map.
 */
#include "master/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/keys.h"
#include "master/notify.h"
#include "net/handover.h"
#include "net/lent_files.h"

static void
tell_names(const struct child *c, const char *word, const char *const *names)
{
	char text[CONFIG_CONSOLE_NAME_BYTES + 16];

	for (; names != NULL && *names != NULL; names++) {
		snprintf(text, sizeof(text), "%s %s", word, *names);
		handover_send(c->notify_fd, text, NULL, 0);
	}
}

/* The last reload has its way: the console gets what was opened for it, and
 * closes what is not named any more. */
static void
settle_console(struct master *m, const struct config *config)
{
	struct child *c = child_of_role(m, ROLE_CONSOLE);
	char text[SOCKET_NAME_MAX + 8];

	if (c == NULL)
		return;
	sockets_settle_console(&c->sockets, config);
	for (size_t i = 0; i < c->sockets.count; i++) {
		struct socket_entry *e = &c->sockets.list[i];

		snprintf(text, sizeof(text), "LISTEN %s", e->name);
		handover_send(c->notify_fd, text, &e->fd, e->fresh ? 1 : 0);
		e->fresh = false;
	}
	tell_names(c, "READER", config->console.readers);
	tell_names(c, "WRITER", config->console.writers);
	handover_send(c->notify_fd, "LISTENING", NULL, 0);
}

/* The edge has a new generation in service: the others follow. */
static void
on_reloaded(struct master *m, struct child *edge)
{
	struct generation *g = read_config(m->options->config_file, NULL);

	notify_manager("READY=1\nSTATUS=Serving; reloaded");
	if (g == NULL)
		return;			/* changed again meanwhile; the next
					   reload tells */
	for (size_t i = 0; i < m->nchildren; i++)
		m->children[i]->role.generation = g;
	generation_free(&m->generation);
	m->generation = g;
	m->adjust = true;
	log_level((enum log_level)g->config->log.level);
	sockets_settle(&edge->sockets, g->config);
	settle_console(m, g->config);
	rolling_begin(m);
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind != ROLE_EDGE &&
		    !m->children[i]->to_replace) {
			if (m->identity.change)
				keys_give(m->children[i]->notify_fd,
				    m->children[i]->role.kind, g->config);
			child_hang_up(m->children[i]);
		}
}

static bool
follow_sockets(struct master *m, struct child *edge,
    const struct config *config, struct err *err)
{
	struct child *console = child_of_role(m, ROLE_CONSOLE);

	if (!sockets_follow(&edge->sockets, config, edge->role.threads, err))
		return false;
	own_socket_files(m, config, edge);
	if (console == NULL)
		return true;
	if (!sockets_follow_console(&console->sockets, config, err)) {
		sockets_forget_fresh(&edge->sockets);
		return false;
	}
	own_socket_files(m, config, console);
	return true;
}

/*
 * What the edge is about to take into service, as the files say now, with the
 * rights that only we have.  It asks for nothing in particular: whoever
 * should break into it cannot have us open what no file names.  NULL with
 * *err.
 */
static struct generation *
follow_files(struct master *m, struct child *edge, struct err *err)
{
	struct generation *files;

	if (m->successor.pid != 0) {
		err_set(err, "the service is being upgraded: reload when that "
		    "is done");
		return NULL;
	}
	files = read_config(m->options->config_file, NULL);
	if (files == NULL)
		err_set(err, "the files have changed while they were read: "
		    "reload again");
	else if (!follow_sockets(m, edge, files->config, err))
		generation_free(&files);
	return files;
}

static bool
give_listener(const struct child *edge, const struct config_listener *l)
{
	int fds[HANDOVER_FDS];
	size_t n = sockets_of(&edge->sockets, l, fds, HANDOVER_FDS);

	return handover_send(edge->notify_fd, l->name, fds, n);
}

static void
give_sockets(const struct child *edge, const struct config *config)
{
	struct err err;
	bool good = true;

	for (size_t i = 0; good && i < config->nlisteners; i++)
		if (!give_listener(edge, &config->listeners[i]))
			good = err_set(&err, "a socket cannot be handed to the "
			    "edge: %s", strerror(errno));
	/* That is all, or why there is none. */
	handover_send(edge->notify_fd, good ? "ALL\n" : err.text, NULL, 0);
}

static void
give_new_sockets(struct master *m, struct child *edge)
{
	struct err err;
	struct generation *files = follow_files(m, edge, &err);

	if (files == NULL) {
		handover_send(edge->notify_fd, err.text, NULL, 0);
		return;
	}
	give_sockets(edge, files->config);
	generation_free(&files);
}

/* Before the edge reads the files, as they are now or, where they are broken,
 * were: it may start from copies of those.  Who is what we are reads them
 * itself. */
static void
give_keys(const struct master *m, const struct child *edge)
{
	struct generation *files = m->identity.change ?
	    read_config(m->options->config_file, NULL) : NULL;

	if (m->identity.change)
		keys_give(edge->notify_fd, ROLE_EDGE, files != NULL ?
		    files->config : m->generation->config);
	else
		lent_files_give(edge->notify_fd, NULL, 0);
	generation_free(&files);
}

void
start_console(struct master *m)
{
	struct child *c = child_of_role(m, ROLE_CONSOLE);

	if (c != NULL && m->heir.fd < 0 && c->state == CHILD_WAITING &&
	    c->restarts == 0)
		c->start_ms = 0;
}

/* Not while another master reads the files: two would write one. */
static void
write_map(struct master *m, struct child *console)
{
	char answer[MAP_FILE_ANSWER];

	if (!m->map.pending && (m->successor.pid != 0 || m->heir.fd >= 0)) {
		handover_send(console->notify_fd, "MAP failed\nthe service is "
		    "being upgraded: try again when that is done", NULL, 0);
		return;
	}
	map_file_do(&m->map, m->generation->config->region_map,
	    console->line, console->came_fd, answer);
	console->came_fd = -1;
	handover_send(console->notify_fd, answer, NULL, 0);
}

static void
on_word(struct master *m, struct child *c, enum child_word word)
{
	if (c->role.kind == ROLE_CONSOLE && word == WORD_MAP)
		write_map(m, c);
	if (c->role.kind == ROLE_CONSOLE && word == WORD_UPGRADE)
		upgrade_begin(m);
	if (c->role.kind != ROLE_EDGE)
		return;
	switch (word) {
	case WORD_READY:
		if (m->stage == STAGE_STARTING)
			m->stage = STAGE_SERVING;
		start_console(m);
		upgrade_take_control(m);
		/* An heir's word is not believed yet. */
		if (m->heir.fd < 0)
			notify_manager("READY=1\nSTATUS=Serving");
		break;
	case WORD_KEYS:
		give_keys(m, c);
		break;
	case WORD_SOCKETS:
		give_new_sockets(m, c);
		break;
	case WORD_SOCKETS_FORMER:
		give_sockets(c, m->generation->config);
		break;
	case WORD_RELOADED:
		on_reloaded(m, c);
		break;
	case WORD_RELOAD_FAILED:
		/* The manager's protocol cannot say that a reload failed. */
		children_forget_fresh(m);
		notify_manager("READY=1\nSTATUS=Reload failed; the former "
		    "configuration is in service");
		break;
	case WORD_UPGRADE:
	case WORD_MAP:
	case WORD_NONE:
		break;
	}
}

void
child_speaks(struct master *m, struct child *c)
{
	enum child_word word;

	while ((word = child_hear(c)) != WORD_NONE)
		on_word(m, c, word);
}
