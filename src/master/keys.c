/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/keys.h"

#include "base/arena.h"
#include "net/lent_files.h"

struct names {
	struct arena	*arena;
	const char	**list;
	size_t		 count, room;
};

static void
add(struct names *names, const char *name)
{
	if (names->count == names->room) {
		size_t room = names->room * 2 + 16;
		const char **list = arena_array(names->arena, room,
		    sizeof(*list));

		for (size_t i = 0; i < names->count; i++)
			list[i] = names->list[i];
		names->list = list;
		names->room = room;
	}
	names->list[names->count++] = name;	/* NULL: there is none */
}

static void
add_pair(struct names *names, const struct config_certificate *pair)
{
	add(names, pair->certificate);
	add(names, pair->key);
}

static void
of_edge(struct names *names, const struct config *c)
{
	for (size_t i = 0; i < c->nlisteners; i++) {
		add_pair(names, &c->listeners[i].first);
		for (size_t k = 0; k < c->listeners[i].nmore; k++)
			add_pair(names, &c->listeners[i].more[k]);
	}
	add(names, c->link.certificate);
	add(names, c->link.key);
	add(names, c->engines.tls.certificate);
	add(names, c->engines.tls.key);
	add(names, c->tls.ticket_keys);
	add(names, c->policy.tag_key_file);
	add(names, c->address_key_file);
	for (size_t i = 0; i < c->explain.nkey_files; i++)
		add(names, c->explain.key_files[i]);
}

static void
of_engine(struct names *names, const struct config *c)
{
	add(names, c->policy.tag_key_file);
	add(names, c->engines.follow_key);
	for (size_t i = 0; i < c->engines.nkey_files; i++)
		add(names, c->engines.key_files[i]);
}

void
keys_give(int child_fd, enum role_kind kind, const struct config *config)
{
	struct names names = { .arena = arena_new(0) };

	if (kind == ROLE_EDGE)
		of_edge(&names, config);
	else if (kind == ROLE_ENGINE)
		of_engine(&names, config);
	/* The edge judges the console's before that has them. */
	if (kind != ROLE_ENGINE)
		add_pair(&names, &config->console.tls);
	lent_files_give(child_fd, names.list, names.count);
	arena_free(&names.arena);
}

void
keys_give_alone(int fd, const struct config *config, bool listens)
{
	struct names names = { .arena = arena_new(0) };

	of_engine(&names, config);
	if (listens) {
		add(&names, config->link.certificate);
		add(&names, config->link.key);
		add(&names, config->engines.tls.certificate);
		add(&names, config->engines.tls.key);
	}
	lent_files_give(fd, names.list, names.count);
	arena_free(&names.arena);
}
