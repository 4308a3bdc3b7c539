/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan apikey`: makes, lists and takes back the keys of the build-time
 * API.  It works on the store itself: whoever may open the store's files may
 * do this, and nobody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fiber.h"
#include "base/must.h"
#include "command/command.h"
#include "command/loading.h"
#include "command/options.h"
#include "conf/mistakes.h"
#include "engine/metadata.h"
#include "store/open.h"

enum { DOCS_AT_ONCE = 500 };

struct options {
	const char	*config, *store, *tenant, *role, *name;
	bool		 json;
};

/* What is to be done with the open store, on a fiber. */
struct work {
	const char	*command;	/* "apikey create" */
	struct options	 options;
	struct operands	 operands;
	struct guid	 tenant;
	enum api_role	 role;
	struct store	*store;
	struct loop	*loop;
	void		(*run)(struct work *);
	struct buf	 out;
	int		 end;
};

static void
fail(struct work *w, enum store_end end, const char *what)
{
	struct store_health health;

	w->store->ops->health(w->store, &health);
	fprintf(stderr, "portolan %s: %s: %s%s%s\n", w->command, what,
	    store_end_name(end), health.trouble[0] != '\0' ? ": " : "",
	    health.trouble);
	w->end = EXIT_USAGE;
}

/* --- create ---------------------------------------------------------------------- */

static void
print_new(struct work *w, const struct api_key *key, const char *secret)
{
	if (w->options.json)
		buf_printf(&w->out, "{\"id\":\"%s\",\"key\":\"%s.%s\","
		    "\"tenant\":\"%s\",\"role\":\"%s\"}\n", key->id, key->id,
		    secret, w->options.tenant, api_role_names[key->role]);
	else
		buf_printf(&w->out, "%s.%s\n", key->id, secret);
}

static void
create(struct work *w)
{
	struct api_key key = { .tenant = w->tenant, .role = w->role };
	struct store_doc doc = { .kind = "apikey" };
	char secret[API_KEY_SECRET + 1], *text;
	enum store_end end;
	json_t *json;

	snprintf(key.name, sizeof(key.name), "%s",
	    w->options.name == NULL ? "" : w->options.name);
	api_key_make(&key, secret);
	memcpy(doc.key, key.id, sizeof(key.id));
	json = api_key_json(&key);
	text = json_dumps(json, JSON_COMPACT);
	must(text != NULL);
	doc.body = slice_of(text);
	end = await_doc_put(w->store, &doc);
	if (end == STORE_OK)
		print_new(w, &key, secret);
	else
		fail(w, end, "the key was not stored");
	explicit_bzero(secret, sizeof(secret));
	free(text);
	json_decref(json);
}

/* --- list ------------------------------------------------------------------------ */

static void
print_key(struct work *w, const struct api_key *key)
{
	char tenant[GUID_TEXT];

	guid_text(key->tenant.bytes, tenant);
	if (!w->options.json) {
		buf_printf(&w->out, "%s  %-8s  %s  %s\n", key->id,
		    api_role_names[key->role], tenant, key->name);
		return;
	}
	buf_printf(&w->out, "%s{\"id\":\"%s\",\"tenant\":\"%s\","
	    "\"role\":\"%s\",\"name\":", w->out.len > 1 ? "," : "", key->id,
	    tenant, api_role_names[key->role]);
	buf_json(&w->out, slice_of(key->name));
	buf_char(&w->out, '}');
}

static void
list_docs(struct work *w, const struct store_doc *docs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct api_key key;
		json_t *json;

		if (strcmp(docs[i].kind, "apikey") != 0 || docs[i].deleted)
			continue;
		json = json_loadb(docs[i].body.p, docs[i].body.len, 0, NULL);
		if (api_key_read(&key, docs[i].key, json) &&
		    (w->options.tenant == NULL || memcmp(&key.tenant,
		    &w->tenant, sizeof(key.tenant)) == 0))
			print_key(w, &key);
		json_decref(json);
	}
}

static void
list(struct work *w)
{
	struct await_docs docs = { .count = 1 };
	uint64_t at = 0;

	if (w->options.json)
		buf_char(&w->out, '[');
	while (docs.count > 0) {
		struct arena *arena = arena_new(0);
		enum store_end end = await_docs_since(w->store, arena, at,
		    DOCS_AT_ONCE, &docs);

		if (end != STORE_OK) {
			fail(w, end, "the keys cannot be read");
			docs.count = 0;
		}
		list_docs(w, docs.list, docs.count);
		at = docs.count > 0 ? docs.list[docs.count - 1].revision : at;
		arena_free(&arena);
	}
	if (w->options.json)
		buf_text(&w->out, "]\n");
}

/* --- delete ---------------------------------------------------------------------- */

static void
delete(struct work *w)
{
	struct store_doc doc = { .kind = "apikey", .revision = UINT64_MAX,
	    .deleted = true }, there;
	const char *id = w->operands.item[0];
	struct arena *arena = arena_new(0);
	enum store_end end;

	snprintf(doc.key, sizeof(doc.key), "%s", id);
	end = await_doc_get(w->store, arena, doc.kind, doc.key, &there);
	if (end == STORE_OK)
		end = await_doc_put(w->store, &doc);
	if (end == STORE_NOT_FOUND) {
		fprintf(stderr, "portolan %s: there is no key %s\n",
		    w->command, id);
		w->end = EXIT_FOUND;
	} else if (end != STORE_OK)
		fail(w, end, "the key was not deleted");
	else if (w->options.json)
		buf_printf(&w->out, "{\"deleted\":\"%s\"}\n", doc.key);
	arena_free(&arena);
}

/* --- the store ------------------------------------------------------------------- */

static void
on_fiber(void *arg)
{
	struct work *w = arg;

	w->run(w);
	loop_stop(w->loop);
}

static void
begin(void *arg)
{
	fiber_start(on_fiber, arg);
}

static int
with_store(struct work *w, const struct config *config)
{
	struct err err;

	if (strcmp(config->region, config->main_region) != 0) {
		fprintf(stderr, "portolan %s: keys are made and deleted in the "
		    "main region, %s, and known everywhere; this "
		    "configuration is that of %s\n", w->command,
		    config->main_region, config->region);
		return EXIT_USAGE;
	}
	w->loop = loop_new();
	w->store = store_open(w->loop, config, NULL, config->region,
	    w->options.store, &err);
	if (w->store == NULL) {
		fprintf(stderr, "portolan %s: %s\n", w->command, err.text);
		loop_free(&w->loop);
		return EXIT_USAGE;
	}
	loop_post(w->loop, begin, w);
	loop_run(w->loop);
	store_close(&w->store);
	loop_free(&w->loop);
	return w->end != EXIT_GOOD ? w->end :
	    loading_print(w->command, &w->out, EXIT_GOOD);
}

static int
with_config(struct work *w)
{
	struct arena *arena = arena_new(0);
	struct mistakes mistakes;
	struct config *config;
	int end = EXIT_USAGE;

	mistakes_init(&mistakes);
	config = config_load(arena, w->options.config != NULL ?
	    w->options.config : LOADING_DEFAULT_CONFIG, &mistakes, NULL);
	if (mistakes.errors > 0 || config == NULL)
		loading_tell(w->command, &mistakes);
	else
		end = with_store(w, config);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	buf_fini(&w->out);
	return end;
}

/* --- the commands ---------------------------------------------------------------- */

static int
read_options(struct work *w, const struct usage *usage, bool new)
{
	struct options *o = &w->options;
	const char *role = o->role != NULL ? o->role : "builder";

	if (new && o->tenant == NULL)
		return options_mistake(usage, "whose key? --tenant GUID");
	if (o->tenant != NULL && !guid_of(&w->tenant, o->tenant))
		return options_mistake(usage, "--tenant: \"%s\" is no GUID",
		    o->tenant);
	if (!api_role_parse(&w->role, role))
		return options_mistake(usage, "--role: \"%s\" is none of "
		    "reader, builder and operator", role);
	return OPTIONS_GO_ON;
}

#define COMMON(w) \
	{ "config", 'c', "FILE", "the configuration " \
	    "(" LOADING_DEFAULT_CONFIG ")", .value = &(w).options.config }, \
	{ "store", 0, "DIR", "the store (engines.store)", \
	    .value = &(w).options.store }, \
	{ "json", 0, NULL, "answer as JSON", .flag = &(w).options.json }

static int
apikey_create(int argc, char **argv)
{
	struct work w = { .command = "apikey create", .run = create };
	const struct option_spec specs[] = {
		{ "tenant", 0, "GUID", "whose key it is",
		    .value = &w.options.tenant },
		{ "role", 0, "ROLE", "reader, builder (the default), or "
		    "operator: of every tenant", .value = &w.options.role },
		{ "name", 0, "TEXT", "a word for people: who uses it",
		    .value = &w.options.name },
		COMMON(w),
		{ 0 },
	};
	const struct usage usage = { .command = w.command, .about =
	    "Makes a key of the build-time API and prints it, once: what is "
	    "stored is its hash.\nClients send it in the header "
	    "x-boomi-flow-api-key.", .options = specs };
	int end = options_parse(&usage, argc, argv, &w.operands);

	if (end == OPTIONS_GO_ON)
		end = read_options(&w, &usage, true);
	return end != OPTIONS_GO_ON ? end : with_config(&w);
}

static int
apikey_list(int argc, char **argv)
{
	struct work w = { .command = "apikey list", .run = list };
	const struct option_spec specs[] = {
		{ "tenant", 0, "GUID", "of this tenant alone",
		    .value = &w.options.tenant },
		COMMON(w),
		{ 0 },
	};
	const struct usage usage = { .command = w.command, .about =
	    "Lists the keys of the build-time API: id, role, tenant, name.",
	    .options = specs };
	int end = options_parse(&usage, argc, argv, &w.operands);

	if (end == OPTIONS_GO_ON)
		end = read_options(&w, &usage, false);
	return end != OPTIONS_GO_ON ? end : with_config(&w);
}

static int
apikey_delete(int argc, char **argv)
{
	struct work w = { .command = "apikey delete", .run = delete };
	const struct option_spec specs[] = {
		COMMON(w),
		{ 0 },
	};
	const struct usage usage = { .command = w.command, .operands = "ID",
	    .about = "Takes a key back: it is good for nothing within a "
	    "second.", .options = specs, .least = 1, .most = 1 };
	int end = options_parse(&usage, argc, argv, &w.operands);

	return end != OPTIONS_GO_ON ? end : with_config(&w);
}

static int
run_apikey(int argc, char **argv)
{
	static const struct command subs[] = {
		{ "create", "make a key and print it", apikey_create },
		{ "list", "which keys there are", apikey_list },
		{ "delete", "take a key back", apikey_delete },
	};

	return command_group("apikey", subs, sizeof(subs) / sizeof(subs[0]),
	    argc, argv);
}

const struct command command_apikey = { "apikey",
    "keys of the build-time API", run_apikey };
