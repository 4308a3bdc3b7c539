/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_engines.h"

#include "conf/config.h"
#include "conf/schema_dump.h"
#include "conf/value.h"

/* --- engines ------------------------------------------------------------------------- */

/* By config_engines.accept_unnamed. */
static const char *const unnamed[] = { "refuse", "accept", NULL };

static const struct schema_row probe_rows[] = {
	{ "path", SCHEMA_URL_PATH,
	    SCHEMA_AT(struct config, engines.probe_path),
	    .fallback = "/health" },
	{ "interval", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, engines.probe_interval_ms),
	    .fallback = "2s", .least = 100, .most = 3600 * 1000 },
	{ "timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, engines.probe_timeout_ms),
	    .fallback = "1s", .least = 10, .most = 600 * 1000 },
	{ "rise", SCHEMA_NUMBER, SCHEMA_AT(struct config, engines.rise),
	    .fallback = "2", .least = 1, .most = 100 },
	{ "fall", SCHEMA_NUMBER, SCHEMA_AT(struct config, engines.fall),
	    .fallback = "3", .least = 1, .most = 100 },
	{ "unnamed", SCHEMA_CHOICE,
	    SCHEMA_AT(struct config, engines.accept_unnamed),
	    .choices = unnamed, .fallback = "refuse" },
	{ 0 },
};

static void
read_engine_keys(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_engines *engines = &((struct config *)target)->engines;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, NULL);
	const char **files = arena_array(reader->arena, n, sizeof(*files));

	for (size_t i = 0; i < n; i++)
		files[i] = schema_file(reader, texts[i]);
	engines->key_files = files;
	engines->nkey_files = n;
}

static const struct schema_row outlier_rows[] = {
	{ "failures", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, engines.eject_failures),
	    .fallback = "5", .most = 1000 },
	{ "time", SCHEMA_DURATION, SCHEMA_AT(struct config, engines.eject_ms),
	    .fallback = "10s", .least = 100, .most = 3600 * 1000 },
	{ "most", SCHEMA_SHARE, SCHEMA_AT(struct config, engines.eject_most),
	    .fallback = "50%" },
	{ 0 },
};

/* By config_engines.by_state. */
static const char *const balances[] = { "load", "state", NULL };

static const struct schema_row follow_rows[] = {
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config, engines.follow_key),
	    .required = true },
	{ "url", SCHEMA_TEXT, SCHEMA_AT(struct config, engines.follow_url) },
	{ "host", SCHEMA_TEXT,
	    SCHEMA_AT(struct config, engines.follow_host) },
	{ 0 },
};

static void
read_server_name(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;
	struct err err;

	if (schema_is_text(reader, node) && !value_host(
	    &config->engines.tls.server_name, reader->arena, node->text, &err))
		schema_mistake(reader, node, "%s", err.text);
}

static const struct schema_row engines_tls_rows[] = {
	{ "certificate", SCHEMA_FILE,
	    SCHEMA_AT(struct config, engines.tls.certificate),
	    .required = true },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config, engines.tls.key),
	    .required = true },
	{ "ca", SCHEMA_FILE, SCHEMA_AT(struct config, engines.tls.ca),
	    .required = true },
	{ "server_name", SCHEMA_CUSTOM, .read = read_server_name },
	{ 0 },
};

const struct schema_row config_engines_rows[] = {
	{ "tls", SCHEMA_SECTION, .section = engines_tls_rows },
	{ "follow", SCHEMA_SECTION, .section = follow_rows },
	{ "embedded", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, engines.embedded), .fallback = "0",
	    .most = CONFIG_EMBEDDED_MAX },
	{ "store", SCHEMA_FILE, SCHEMA_AT(struct config, engines.store_dir),
	    .fallback = "/var/lib/portolan/state" },
	{ "flows", SCHEMA_FILE, SCHEMA_AT(struct config, engines.flows_dir),
	    .fallback = "/var/lib/portolan/flows" },
	{ "keep_done", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, engines.keep_done_ms), .fallback = "3d",
	    .least = 1000 },
	{ "external_ca", SCHEMA_FILE,
	    SCHEMA_AT(struct config, engines.external_ca) },
	{ "external_plain_http", SCHEMA_TEXT,
	    SCHEMA_AT(struct config, engines.external_plain) },
	{ "keys", SCHEMA_CUSTOM, .read = read_engine_keys,
	    .is_file = schema_every_text },
	{ "probe", SCHEMA_SECTION, .section = probe_rows },
	{ "outlier", SCHEMA_SECTION, .section = outlier_rows },
	{ "slow_start", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, engines.slow_start_ms),
	    .fallback = "0s", .most = 3600 * 1000 },
	{ "balance", SCHEMA_CHOICE, SCHEMA_AT(struct config, engines.by_state),
	    .choices = balances, .fallback = "load" },
	{ 0 },
};
