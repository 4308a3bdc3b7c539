/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <string.h>

#include "conf/config.h"
#include "conf/config_check.h"
#include "conf/config_engines.h"
#include "conf/config_listeners.h"
#include "conf/config_lists.h"
#include "conf/config_log.h"
#include "conf/config_overload.h"
#include "conf/config_services.h"
#include "conf/config_store.h"
#include "conf/config_tls.h"
#include "conf/file.h"
#include "conf/schema_dump.h"
#include "conf/value.h"

/* --- lists and names ------------------------------------------------------------ */

static void
read_global_hosts(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;

	config->nglobal_hosts = config_hosts(reader, node,
	    &config->global_hosts);
}

static void
read_main_hosts(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;

	config->nmain_hosts = config_hosts(reader, node, &config->main_hosts);
}

static const struct schema_row hosts_rows[] = {
	{ "global", SCHEMA_CUSTOM, .read = read_global_hosts },
	{ "main", SCHEMA_CUSTOM, .read = read_main_hosts },
	{ 0 },
};

static void
read_runtime_paths(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;
	const struct yaml_node *const *nodes;
	struct err err;

	config->nruntime_paths = schema_texts(reader, node,
	    &config->runtime_paths, &nodes);
	if (config->nruntime_paths == 0)
		schema_mistake(reader, node, "no path; leave the key out for "
		    "the five of the platform");
	for (size_t i = 0; i < config->nruntime_paths; i++)
		if (!value_url_path(nodes[i]->text, &err))
			schema_mistake(reader, nodes[i], "%s", err.text);
}

static const struct schema_row paths_rows[] = {
	{ "runtime", SCHEMA_CUSTOM, .read = read_runtime_paths,
	    .fallback = "[/api/run, /api/file, /api/social, "
		"/api/service/1/data, /api/service/1/file]" },
	{ 0 },
};

static bool
is_origin(struct slice text)
{
	struct slice name = text;
	const char *slashes = memmem(text.p, text.len, "://", 3);

	if (slashes == NULL || slashes == text.p)
		return slice_is(text, "*");
	name.p = slashes + 3;
	name.len = (size_t)(text.p + text.len - name.p);
	return name.len > 0 && memchr(name.p, '/', name.len) == NULL &&
	    memchr(name.p, ' ', name.len) == NULL;
}

static void
read_origins(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	const struct yaml_node *const *nodes;

	config->ncors_origins = schema_texts(reader, node,
	    &config->cors_origins, &nodes);
	for (size_t i = 0; i < config->ncors_origins; i++)
		if (!is_origin(nodes[i]->text))
			schema_mistake(reader, nodes[i], "%s is no origin; "
			    "write https://host, with a port if it has one, "
			    "without a path", value_quote(reader->arena,
			    nodes[i]->text));
}

static const struct schema_row cors_rows[] = {
	{ "origins", SCHEMA_CUSTOM, .read = read_origins },
	{ 0 },
};

/* --- plain sections ------------------------------------------------------------------------ */

/* By config.hide_clients. */
static const char *const told_addresses[] = { "full", "hashed", NULL };

static const struct schema_row forward_rows[] = {
	{ "via", SCHEMA_TEXT, SCHEMA_AT(struct config, via) },
	{ "forwarded", SCHEMA_BOOL, SCHEMA_AT(struct config, send_forwarded),
	    .fallback = "false" },
	{ "addresses", SCHEMA_CHOICE, SCHEMA_AT(struct config, hide_clients),
	    .choices = told_addresses, .fallback = "full" },
	{ 0 },
};

static const char *const when_old[] = { "warn", "unready", NULL };

static const struct schema_row geo_rows[] = {
	{ "database", SCHEMA_FILE, SCHEMA_AT(struct config, geo.database) },
	{ "warn_age", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, geo.warn_age_ms), .fallback = "25d" },
	{ "max_age", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, geo.max_age_ms), .fallback = "30d" },
	{ "when_old", SCHEMA_CHOICE,
	    SCHEMA_AT(struct config, geo.unready_when_old),
	    .choices = when_old, .fallback = "warn" },
	{ "max_changed", SCHEMA_SHARE,
	    SCHEMA_AT(struct config, geo.max_changed), .fallback = "1%" },
	{ "expectations", SCHEMA_FILE,
	    SCHEMA_AT(struct config, geo.expectations) },
	{ "settle", SCHEMA_DURATION, SCHEMA_AT(struct config, geo.settle_ms),
	    .fallback = "5s", .most = 600 * 1000 },
	{ 0 },
};

/* A flow or state id stands within the first bytes of a body; 1 MiB held per
 * waiting request is already much. */
static const struct schema_row limits_rows[] = {
	{ "peek_bytes", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.peek_bytes), .fallback = "64KiB",
	    .least = 1024, .most = 1024 * 1024 },
	{ "held_bytes", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.held_bytes), .fallback = "64MiB",
	    .least = 64 * 1024 },
	{ "memory", SCHEMA_SIZE, SCHEMA_AT(struct config, limits.memory),
	    .fallback = "0" },
	{ "body_bytes", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.body_bytes),
	    .fallback = "256MiB" },
	{ "central_body_bytes", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.central_body_bytes),
	    .fallback = "0" },
	{ "connections", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.connections),
	    .fallback = "20000", .least = 1, .most = 10 * 1000 * 1000 },
	{ "requests_per_connection", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.requests_per_connection),
	    .fallback = "10000" },
	{ "min_body_rate", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.min_body_rate),
	    .fallback = "256" },
	{ "retries", SCHEMA_NUMBER, SCHEMA_AT(struct config, limits.retries),
	    .fallback = "2", .most = 10 },
	{ "retry_share", SCHEMA_SHARE,
	    SCHEMA_AT(struct config, limits.retry_share), .fallback = "20%" },
	{ "retry_rate", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.retry_rate), .fallback = "3",
	    .most = 1000 },
	{ "idle_upstream", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.idle_upstream), .fallback = "512",
	    .most = 100000 },
	{ "h2_streams", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.h2_streams), .fallback = "128",
	    .least = 1, .most = 10000 },
	{ "h2_window", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.h2_window), .fallback = "128KiB",
	    .least = 16384, .most = 16 * 1024 * 1024 },
	{ "link_window", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, limits.link_window), .fallback = "4MiB",
	    .least = 256 * 1024, .most = 64 * 1024 * 1024 },
	{ "h2_resets", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.h2_resets), .fallback = "200",
	    .least = 1, .most = 1000 * 1000 },
	{ "h2_glitches", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, limits.h2_glitches), .fallback = "1000",
	    .least = 100, .most = 1000 * 1000 },
	{ 0 },
};

enum { DAY_MS = 24 * 3600 * 1000, HOUR_MS = 3600 * 1000 };

#define TIMEOUT(key, field, usual, longest) \
	{ key, SCHEMA_DURATION, SCHEMA_AT(struct config, timeouts.field), \
	    .fallback = usual, .least = 1, .most = longest }

static const struct schema_row timeouts_rows[] = {
	TIMEOUT("head", head_ms, "10s", HOUR_MS),
	TIMEOUT("idle", idle_ms, "60s", HOUR_MS),
	TIMEOUT("body_idle", body_idle_ms, "30s", HOUR_MS),
	TIMEOUT("send_idle", send_idle_ms, "30s", HOUR_MS),
	TIMEOUT("connect", connect_ms, "3s", HOUR_MS),
	TIMEOUT("response_head", response_head_ms, "60s", HOUR_MS),
	TIMEOUT("response_idle", response_idle_ms, "60s", HOUR_MS),
	TIMEOUT("tunnel_idle", tunnel_idle_ms, "1h", DAY_MS),
	TIMEOUT("upstream_idle", upstream_idle_ms, "30s", HOUR_MS),
	TIMEOUT("drain", drain_ms, "30s", DAY_MS),
	{ 0 },
};

static const char *const sources[] = {
	[RESTRICTIONS_OF_FILE] = "file", [RESTRICTIONS_OF_ENGINES] = "engines",
	NULL
};

static const struct schema_row policy_rows[] = {
	{ "source", SCHEMA_CHOICE, SCHEMA_AT(struct config, policy.source),
	    .choices = sources, .fallback = "file" },
	{ "restrictions", SCHEMA_FILE,
	    SCHEMA_AT(struct config, policy.restrictions) },
	{ "max_staleness", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, policy.max_staleness_ms),
	    .fallback = "0s" },
	{ "flow_tag_key", SCHEMA_FILE,
	    SCHEMA_AT(struct config, policy.tag_key_file) },
	{ 0 },
};

/* key: one file, as usual; keys: several, while one follows another. */
static void
read_explain_keys(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_explain *explain = &((struct config *)target)->explain;
	const char *const *texts;
	const char **files;

	if (explain->nkey_files > 0) {
		schema_key_mistake(reader, node, "beside 'key'; name all of "
		    "the files here");
		return;
	}
	explain->nkey_files = schema_texts(reader, node, &texts, NULL);
	if (explain->nkey_files == 0 && node->kind != YAML_BAD)
		schema_mistake(reader, node, "no file; leave the section out "
		    "if nobody is to see why");
	if (explain->nkey_files > EXPLAIN_KEYS_MAX) {
		schema_mistake(reader, node, "more than %d keys",
		    EXPLAIN_KEYS_MAX);
		explain->nkey_files = EXPLAIN_KEYS_MAX;
	}
	files = arena_array(reader->arena, explain->nkey_files,
	    sizeof(*files));
	for (size_t i = 0; i < explain->nkey_files; i++)
		files[i] = schema_file(reader, texts[i]);
	explain->key_files = files;
}

static void
read_explain_key(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	if (schema_is_text(reader, node))
		read_explain_keys(reader, node, target);
}

static const struct schema_row explain_rows[] = {
	{ "key", SCHEMA_CUSTOM, .read = read_explain_key,
	    .is_file = schema_every_text },
	{ "keys", SCHEMA_CUSTOM, .read = read_explain_keys,
	    .is_file = schema_every_text },
	{ 0 },
};

static const struct schema_row console_rows[] = {
	{ "address", SCHEMA_ENDPOINT,
	    SCHEMA_AT(struct config, console.address) },
	{ "socket", SCHEMA_FILE, SCHEMA_AT(struct config, console.socket) },
	{ "read_socket", SCHEMA_FILE,
	    SCHEMA_AT(struct config, console.read_socket) },
	{ "tls", SCHEMA_SECTION, .section = config_console_tls_rows },
	{ 0 },
};

/* --- the whole file --------------------------------------------------------------------------- */

static const struct schema_row rows[] = {
	{ "region", SCHEMA_TEXT, SCHEMA_AT(struct config, region),
	    .required = true },
	{ "main_region", SCHEMA_TEXT, SCHEMA_AT(struct config, main_region),
	    .required = true },
	{ "regions", SCHEMA_FILE, SCHEMA_AT(struct config, region_map),
	    .fallback = "regions.yaml" },
	{ "threads", SCHEMA_NUMBER, SCHEMA_AT(struct config, threads),
	    .fallback = "0", .most = CONFIG_THREADS_MAX },
	{ "user", SCHEMA_TEXT, SCHEMA_AT(struct config, user) },
	{ "group", SCHEMA_TEXT, SCHEMA_AT(struct config, group) },
	{ "run_dir", SCHEMA_FILE, SCHEMA_AT(struct config, run_dir),
	    .fallback = "/run/portolan" },
	{ "state_dir", SCHEMA_FILE, SCHEMA_AT(struct config, state_dir) },
	{ "sandbox", SCHEMA_BOOL, SCHEMA_AT(struct config, sandbox),
	    .fallback = "true" },
	{ "pid_file", SCHEMA_FILE, SCHEMA_AT(struct config, pid_file) },
	{ "listeners", SCHEMA_CUSTOM, .read = config_listeners,
	    .required = true, .section = config_listener_rows },
	{ "hosts", SCHEMA_SECTION, .section = hosts_rows },
	{ "client_address", SCHEMA_SECTION, .section = config_client_rows },
	{ "paths", SCHEMA_SECTION, .section = paths_rows },
	{ "forward", SCHEMA_SECTION, .section = forward_rows },
	{ "cors", SCHEMA_SECTION, .section = cors_rows },
	{ "tls", SCHEMA_SECTION, .section = config_tls_rows },
	{ "link", SCHEMA_SECTION, .section = config_link_rows },
	{ "geo", SCHEMA_SECTION, .section = geo_rows },
	{ "engines", SCHEMA_SECTION, .section = config_engines_rows },
	{ "services", SCHEMA_SECTION, .section = services_rows },
	{ "store", SCHEMA_CUSTOM, .read = config_store,
	    .section = config_store_rows },
	{ "limits", SCHEMA_SECTION, .section = limits_rows },
	{ "rate_limits", SCHEMA_SECTION, .section = rate_limits_rows },
	{ "concurrency", SCHEMA_SECTION, .section = concurrency_rows },
	{ "timeouts", SCHEMA_SECTION, .section = timeouts_rows },
	{ "policy", SCHEMA_SECTION, .section = policy_rows },
	{ "explain", SCHEMA_SECTION, .section = explain_rows },
	{ "log", SCHEMA_SECTION, .section = config_log_rows },
	{ "trace", SCHEMA_SECTION, .section = config_trace_rows },
	{ "console", SCHEMA_SECTION, .section = console_rows },
	{ 0 },
};

static void
derived_defaults(struct arena *arena, struct config *config)
{
	char *lower;

	if (config->via == NULL && config->region != NULL) {
		lower = arena_strdup(arena, config->region);
		for (char *p = lower; *p != '\0'; p++)
			*p = ascii_lower(*p);
		config->via = arena_printf(arena, "portolan-%s", lower);
	}
	config->trace.collector.region = config->region;
	/* Sockets are named in messages and by other processes. */
	config->run_dir = file_from_root(arena, config->run_dir);
	config->state_dir = config->state_dir == NULL ? config->run_dir :
	    file_from_root(arena, config->state_dir);
	config->console.socket = file_from_root(arena,
	    config->console.socket);
	config->console.read_socket = file_from_root(arena,
	    config->console.read_socket);
	if (config->console.socket == NULL)
		config->console.socket = arena_printf(arena, "%s/admin.sock",
		    config->run_dir);
}

static struct config *
from_tree(struct arena *arena, const char *file, const struct yaml_node *root,
    struct mistakes *mistakes)
{
	struct file_names files = { NULL, 0, 0 };
	struct schema_reader reader = { arena, mistakes,
	    file_dir(arena, file), &files };
	struct config *config;

	if (root == NULL)
		return NULL;
	config = arena_alloc(arena, sizeof(*config));
	config->file = arena_strdup(arena, file);
	config->dir = reader.dir;
	config_log_defaults(config);
	schema_read(&reader, rows, root, config);
	config->files = files.list;
	config->nfiles = files.count;
	config->console.enabled = yaml_get(yaml_get(root, "console"),
	    "address") != NULL;
	derived_defaults(arena, config);
	config_check(&reader, config, root);
	return config;
}

struct config *
config_load(struct arena *arena, const char *file, struct mistakes *mistakes,
    const struct yaml_node **root)
{
	const struct yaml_node *tree = yaml_read(arena, file, mistakes);

	if (root != NULL)
		*root = tree;
	return from_tree(arena, file, tree, mistakes);
}

struct config *
config_parse(struct arena *arena, const char *file, struct slice bytes,
    struct mistakes *mistakes, const struct yaml_node **root)
{
	const struct yaml_node *tree = yaml_parse(arena, file, bytes, mistakes);

	if (root != NULL)
		*root = tree;
	return from_tree(arena, file, tree, mistakes);
}

bool
config_dump(struct buf *out, const char *file, struct mistakes *mistakes)
{
	struct arena *arena = arena_new(0);
	const struct yaml_node *root;
	const struct config *config = config_load(arena, file, mistakes, &root);
	bool good = config != NULL && mistakes->errors == 0;

	if (good)
		schema_dump(out, arena, config->dir, rows, root, config);
	arena_free(&arena);
	return good;
}
