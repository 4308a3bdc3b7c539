/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_log.h"

#include <string.h>

#include "conf/file.h"
#include "conf/value.h"

/* --- where access lines go ------------------------------------------------ */

enum { FACILITY_LOCAL0 = 16 };

static const struct config_access on_stdout = { .to = "stdout",
	.target = LOG_TO_STDOUT, .facility = FACILITY_LOCAL0 };

/* An address, or a name that is looked up by and by. */
static bool
is_host(const struct endpoint *e)
{
	return (e->kind == ENDPOINT_IP || e->kind == ENDPOINT_NAME) &&
	    e->port != 0;
}

static bool
read_syslog(struct config_access *log, struct slice where, struct err *err)
{
	static const struct { struct slice prefix; enum log_target target; }
	    kinds[] = {
		{ SLICE("udp:"), LOG_TO_UDP }, { SLICE("tcp:"), LOG_TO_TCP },
	};

	if (where.len == 0 || slice_starts_nocase(where, SLICE("unix:"))) {
		log->target = LOG_TO_UNIX;
		return endpoint_parse(&log->address, where.len > 0 ? where :
		    SLICE("unix:/dev/log")) || err_set(err, "wants the path "
		    "of a socket after unix:");
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!slice_starts_nocase(where, kinds[i].prefix))
			continue;
		where.p += kinds[i].prefix.len;
		where.len -= kinds[i].prefix.len;
		log->target = kinds[i].target;
		return (endpoint_parse(&log->address, where) &&
		    is_host(&log->address) && !log->address.url) ||
		    err_set(err, "wants an address or name and a port, as in "
		    "syslog:udp:192.0.2.1:514");
	}
	return err_set(err, "is none of syslog, syslog:unix:PATH, "
	    "syslog:udp:HOST:PORT and syslog:tcp:HOST:PORT");
}

static void
read_to(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_access *log = target;
	struct slice text = node->text;
	struct err err;

	if (!schema_is_text(reader, node))
		return;
	log->to = arena_copy(reader->arena, text);
	if (slice_is(text, "stdout")) {
		log->target = LOG_TO_STDOUT;
	} else if (slice_is(text, "syslog") ||
	    slice_starts_nocase(text, SLICE("syslog:"))) {
		text.p += text.len == 6 ? 6 : 7;
		text.len -= text.len == 6 ? 6 : 7;
		if (!read_syslog(log, text, &err))
			schema_mistake(reader, node, "%s %s",
			    value_quote(reader->arena, node->text), err.text);
	} else if (text.len == 0) {
		schema_mistake(reader, node, "is empty; write the name of "
		    "a file");
	} else {
		log->target = LOG_TO_FILE;
		log->to = file_beside(reader->arena, reader->dir, text.p);
	}
}

/* For schema_dump(): none of the words of read_to() and read_audit(). */
static bool
is_file(struct slice text)
{
	return !slice_is(text, "stdout") && !slice_is(text, "off") &&
	    !slice_is(text, "syslog") &&
	    !slice_starts_nocase(text, SLICE("syslog:"));
}

static const char *const formats[] = {
	[LOG_JSON] = "json", [LOG_COMBINED] = "combined", NULL
};

/* By RFC 5424, table 1. */
static const char *const facilities[] = { "kern", "user", "mail", "daemon",
    "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3",
    "local4", "local5", "local6", "local7", NULL };

static const struct schema_row access_rows[] = {
	{ "to", SCHEMA_CUSTOM, .read = read_to, .required = true,
	    .is_file = is_file },
	{ "format", SCHEMA_CHOICE, SCHEMA_AT(struct config_access, format),
	    .choices = formats, .fallback = "json" },
	{ "facility", SCHEMA_CHOICE,
	    SCHEMA_AT(struct config_access, facility), .choices = facilities,
	    .fallback = "local0" },
	{ 0 },
};

static void
read_one(const struct schema_reader *reader, const struct yaml_node *node,
    struct config_access *log)
{
	*log = on_stdout;
	if (node->kind == YAML_MAP)
		schema_read(reader, access_rows, node, log);
	else
		read_to(reader, node, log);
}

/* A name, a mapping, or several of either. */
static void
read_access(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	struct config_access *list = arena_array(reader->arena,
	    CONFIG_ACCESS_MAX, sizeof(*list));

	config->log.access = list;
	config->log.naccess = 0;
	if (node->kind != YAML_LIST) {
		if (node->kind == YAML_TEXT && slice_is(node->text, "off"))
			return;
		read_one(reader, node, &list[config->log.naccess++]);
		return;
	}
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		if (config->log.naccess == CONFIG_ACCESS_MAX) {
			schema_mistake(reader, n, "more than %d access logs",
			    CONFIG_ACCESS_MAX);
			return;
		}
		read_one(reader, n, &list[config->log.naccess++]);
	}
}

/* --- the section ------------------------------------------------------------- */

static const char *const forms[] = {
	[ADDRESS_FULL] = "full", [ADDRESS_TRUNCATED] = "truncated",
	[ADDRESS_HASHED] = "hashed", NULL
};

static const char *const levels[] = { "error", "warn", "info", "debug",
    NULL };

/* A file: its lines are evidence, and must not be lost on the way. */
static void
read_audit(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_access *log = &((struct config *)target)->log.audit;

	if (!schema_is_text(reader, node) || slice_is(node->text, "off"))
		return;
	if (node->text.len == 0) {
		schema_mistake(reader, node, "is empty; write the name of "
		    "a file");
		return;
	}
	log->target = LOG_TO_FILE;
	log->format = LOG_JSON;
	log->to = file_beside(reader->arena, reader->dir, node->text.p);
}

const struct schema_row config_log_rows[] = {
	{ "audit", SCHEMA_CUSTOM, .read = read_audit, .fallback = "off",
	    .is_file = is_file },
	{ "access", SCHEMA_CUSTOM, .read = read_access, .fallback = "stdout",
	    .section = access_rows, .is_file = is_file },
	{ "addresses", SCHEMA_CHOICE, SCHEMA_AT(struct config, log.addresses),
	    .choices = forms, .fallback = "full" },
	{ "query", SCHEMA_BOOL, SCHEMA_AT(struct config, log.query),
	    .fallback = "false" },
	{ "level", SCHEMA_CHOICE, SCHEMA_AT(struct config, log.level),
	    .choices = levels, .fallback = "info" },
	{ 0 },
};

/* --- spans ------------------------------------------------------------------- */

/* Plain HTTP: a collector stands beside us or in our network. */
static void
read_collector(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;
	struct config_access *to = &config->trace.collector;

	if (!schema_is_text(reader, node))
		return;
	to->to = arena_copy(reader->arena, node->text);
	to->target = LOG_TO_OTLP;
	if (!slice_starts_nocase(node->text, SLICE("http://")) ||
	    !endpoint_parse(&to->address, node->text) ||
	    !is_host(&to->address))
		schema_mistake(reader, node, "%s is none: write "
		    "http://HOST:PORT, without a path", value_quote(reader->arena, node->text));
}

const struct schema_row config_trace_rows[] = {
	{ "endpoint", SCHEMA_CUSTOM, .read = read_collector },
	{ "sample", SCHEMA_SHARE, SCHEMA_AT(struct config, trace.sample),
	    .fallback = "1%" },
	{ 0 },
};

void
config_log_defaults(struct config *config)
{
	config->log.access = &on_stdout;
	config->log.naccess = 1;
}
