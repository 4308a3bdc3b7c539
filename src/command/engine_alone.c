/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/engine_alone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "command/loading.h"
#include "master/keys.h"
#include "master/privileges.h"
#include "master/sandbox.h"
#include "net/lent_files.h"
#include "net/listener.h"

/* Where to listen; what is wrong with it the engine says. */
static bool
find_place(const struct engine_options *o, struct endpoint *at)
{
	*at = (struct endpoint){ .kind = ENDPOINT_UNIX };
	if (o->listen != NULL)
		return endpoint_parse(at, slice_of(o->listen)) &&
		    at->kind == ENDPOINT_IP && !at->url;
	return o->socket != NULL && (size_t)snprintf(at->name,
	    sizeof(at->name), "%s", o->socket) < sizeof(at->name);
}

/* While we still may: a low port, a file in a directory of root's. */
static bool
open_socket(struct engine_options *o, const struct identity *id,
    struct err *err)
{
	struct endpoint at;

	if (o->listen_fd >= 0 || !find_place(o, &at))
		return true;
	o->listen_fd = listener_bind(&at, false, 0600, err);
	if (o->listen_fd >= 0 && o->socket != NULL)
		identity_own_file(id, o->socket);
	return o->listen_fd >= 0;
}

/* They stay open, as an embedded engine's do: HUP reads the same files. */
static bool
open_keys(const struct engine_options *o, const struct config *config,
    struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) != 0)
		return err_set(err, "no socket for keys: %s", strerror(errno));
	keys_give_alone(ends[0], config, o->listen != NULL);
	lent_files_receive(ends[1]);
	close(ends[0]);
	close(ends[1]);
	return true;
}

/* The configuration as this engine goes by it; lives in g. */
static const struct config *
with_options(const struct generation *g, const struct engine_options *o)
{
	struct config *c = arena_alloc(g->arena, sizeof(*c));

	*c = *g->config;
	if (o->store_dir != NULL)
		c->engines.store_dir = o->store_dir;
	if (o->flows_dir != NULL)
		c->engines.flows_dir = o->flows_dir;
	return c;
}

static bool
give_up_rights(struct engine_options *o, const struct config *config,
    struct err *err)
{
	struct identity id;

	if (!identity_find(&id, config->user, config->group, err))
		return err_wrap(err, "%s", config->file);
	if (config->store.postgres == NULL && !identity_own_dir(&id,
	    config->engines.store_dir, err))
		return err_wrap(err, "the directory of states");
	umask(027);
	return open_socket(o, &id, err) &&
	    (!id.change || open_keys(o, config, err)) &&
	    identity_assume(&id, err);
}

static bool
confine(struct engine_options *o, struct generation *g, struct err *err)
{
	struct role role = { .kind = ROLE_ENGINE, .generation = g,
	    .alone = o->listen != NULL };
	char text[SANDBOX_TEXT];

	g->config = with_options(g, o);
	if (!give_up_rights(o, g->config, err) ||
	    !sandbox_enter(&role, text, err))
		return false;
	log_info("sandbox: %s", text);
	return true;
}

bool
engine_alone(struct engine_options *options)
{
	struct generation *g;
	struct mistakes mistakes;
	struct err err;
	bool good;

	mistakes_init(&mistakes);
	g = generation_load(options->config_file, LOAD_PURE, NULL, &mistakes);
	if (g == NULL)
		loading_tell("engine", &mistakes);
	mistakes_fini(&mistakes);
	if (g == NULL)
		return false;
	good = confine(options, g, &err);
	if (!good)
		log_error("%s", err.text);
	generation_free(&g);
	return good;
}
