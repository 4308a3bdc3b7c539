/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <jansson.h>
#include <string.h>

#include "command/ctl.h"

/* --- status, for people ------------------------------------------------------- */

static bool
is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void
write_service(const json_t *status, struct buf *out)
{
	buf_printf(out, "Portolan %s, edge of %s: %s%s%s\n",
	    ctl_text(status, "version"), ctl_text(status, "region"),
	    is_true(status, "ready") ? "ready" : "NOT READY: ",
	    ctl_text(status, "not_ready"),
	    is_true(status, "draining") ? " (draining)" : "");
	buf_printf(out, "started       %s\n", ctl_text(status, "started"));
	buf_printf(out, "sandbox       %s\n", ctl_text(status, "sandbox"));
}

static void
write_generation(const json_t *status, struct buf *out)
{
	const json_t *g = json_object_get(status, "generation");
	const json_t *last = json_object_get(status, "last_reload");
	const char *built = ctl_text(g, "database_built");

	buf_printf(out, "generation    %lld, loaded %s, restrictions revision "
	    "%lld\n", ctl_number(g, "id"), ctl_text(g, "loaded"),
	    ctl_number(g, "restrictions_revision"));
	buf_printf(out, "geo database  %s%s; table of %lld KiB\n",
	    built[0] == '\0' ? "none" : "built ", built,
	    ctl_number(g, "geo_table_bytes") / 1024);
	if (ctl_text(g, "database_held")[0] != '\0')
		buf_printf(out, "              HELD BACK: %s\n",
		    ctl_text(g, "database_held"));
	buf_printf(out, "last reload   %s; since the start %lld good, %lld "
	    "failed\n", is_true(last, "good") ? "good" : "FAILED (the log says "
	    "why; the former configuration serves)",
	    ctl_number(last, "reloads"), ctl_number(last, "failed"));
}

static void
write_load(const json_t *status, struct buf *out)
{
	long long open = 0, accepted = 0, requests = 0;
	const json_t *worker;
	size_t i;

	json_array_foreach(json_object_get(status, "workers"), i, worker) {
		open += ctl_number(worker, "connections");
		accepted += ctl_number(worker, "accepted");
		requests += ctl_number(worker, "requests");
	}
	buf_printf(out, "clients       %lld connections open, %lld accepted, "
	    "%lld requests; %zu threads\n", open, accepted, requests,
	    json_array_size(json_object_get(status, "workers")));
}

static void
write_upstream(const json_t *region, const json_t *u, struct buf *out)
{
	const char *id = ctl_text(region, "id");
	const char *name = ctl_text(u, "name");
	size_t len = strlen(id);

	/* "GB unix:/..." stands below GB. */
	if (strncmp(name, id, len) == 0 && name[len] == ' ')
		name += len + 1;
	buf_printf(out, "        %-14s %s %s, weight %lld, %lld requests, "
	    "%lld errors\n", ctl_text(u, "health"), is_true(u, "link") ?
	    "edge" : "engine", name, ctl_number(u, "weight"),
	    ctl_number(u, "requests"), ctl_number(u, "errors"));
}

/* What an operator has said of it. */
static void
write_word(const json_t *word, struct buf *out)
{
	const char *until = ctl_text(word, "until");
	const char *reason = ctl_text(word, "reason");

	buf_printf(out, "%s by an operator's word of %s%s%s%s%s",
	    ctl_text(word, "state"), ctl_text(word, "since"),
	    until[0] == '\0' ? "" : ", until ", until,
	    reason[0] == '\0' ? "" : ": ", reason);
}

bool
ctl_regions_text(struct slice json, struct buf *out)
{
	json_t *list = json_loadb(json.p, json.len, 0, NULL);
	const json_t *word;
	bool good = json_is_array(list);
	size_t i;

	json_array_foreach(list, i, word) {
		buf_printf(out, "%-6s  ", ctl_text(word, "region"));
		write_word(word, out);
		buf_char(out, '\n');
	}
	if (good && json_array_size(list) == 0)
		buf_text(out, "all regions as their probes say\n");
	json_decref(list);
	return good;
}

static void
write_region(const json_t *region, struct buf *out)
{
	const json_t *upstreams = json_object_get(region, "upstreams"), *u;
	const json_t *word = json_object_get(region, "by_operator");
	size_t i;

	buf_printf(out, "%-6s  %s%s%s\n", ctl_text(region, "id"),
	    is_true(region, "up") ? "up" : "DOWN",
	    is_true(region, "own") ? ", this region" : "",
	    json_array_size(upstreams) == 0 ? ", no way there" : "");
	if (word != NULL) {
		buf_text(out, "        ");
		write_word(word, out);
		buf_char(out, '\n');
	}
	json_array_foreach(upstreams, i, u)
		write_upstream(region, u, out);
}

bool
ctl_status_text(struct slice json, struct buf *out)
{
	json_t *status = json_loadb(json.p, json.len, 0, NULL);
	const json_t *region;
	size_t i;

	if (!json_is_object(status)) {
		json_decref(status);
		return false;
	}
	write_service(status, out);
	write_generation(status, out);
	write_load(status, out);
	buf_char(out, '\n');
	json_array_foreach(json_object_get(status, "regions"), i, region)
		write_region(region, out);
	json_decref(status);
	return true;
}

/* --- words, for programs ------------------------------------------------------ */

void
ctl_ready_json(struct slice text, bool good, struct buf *out)
{
	const char *between = "";
	struct slice line;

	buf_printf(out, "{\"ready\":%s,\"checks\":[", good ? "true" : "false");
	while (slice_split(&text, '\n', &line)) {
		bool passed = slice_starts_nocase(line, SLICE("[+] "));

		if (!passed && !slice_starts_nocase(line, SLICE("[-] ")))
			continue;
		buf_printf(out, "%s{\"check\":", between);
		buf_json(out, (struct slice){ line.p + 4, line.len - 4 });
		buf_printf(out, ",\"good\":%s}", passed ? "true" : "false");
		between = ",";
	}
	buf_text(out, "]}\n");
}

void
ctl_lines_json(struct slice text, bool good, struct buf *out)
{
	const char *between = "";
	struct slice line;

	buf_printf(out, "{\"good\":%s,\"messages\":[", good ? "true" : "false");
	while (slice_split(&text, '\n', &line)) {
		if (line.len == 0)
			continue;
		buf_text(out, between);
		buf_json(out, line);
		between = ",";
	}
	buf_text(out, "]}\n");
}
