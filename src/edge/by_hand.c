/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Regions taken down, drained or held up by an operator: what was said is kept
 * in state_dir, so that it outlives crashes, restarts and upgrades, and ends
 * by itself when its time is over.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/near.h"
#include "conf/file.h"
#include "conf/overrides_file.h"
#include "conf/state_file.h"
#include "edge/process.h"
#include "http/chars.h"

/* A year; more is a mistake of units. */
#define LONGEST_MS (UINT64_C(366) * 24 * 3600 * 1000)

enum { WORD_MAX = 3 * OVERRIDE_REASON_MAX };

/* --- the file ----------------------------------------------------------------- */

static void
path_of(const struct edge *edge, char path[OVERRIDES_PATH_MAX])
{
	overrides_file_path(edge->plan->config, path);
}

static void
note_seen(struct edge *edge)
{
	char path[OVERRIDES_PATH_MAX];

	path_of(edge, path);
	edge->overrides_seen = file_identity(path);
}

void
edge_overrides_read(struct edge *edge)
{
	struct err err;

	note_seen(edge);
	if (!overrides_file_read(&edge->overrides, edge->plan->config, &err))
		log_error("%s; nothing that operators said of regions is in "
		    "force, say it anew (portolan ctl region)", err.text);
	for (size_t i = 0; i < edge->overrides.count; i++) {
		struct buf text = { 0 };

		override_text(&edge->overrides.list[i], &text);
		log_warn("region %s is %s by an operator's word",
		    edge->overrides.list[i].region, buf_cstr(&text));
		buf_fini(&text);
	}
	edge_count_up(edge);
}

static bool
save(struct edge *edge, const struct overrides *overrides, struct err *err)
{
	char path[OVERRIDES_PATH_MAX];
	struct buf text = { 0 };
	bool good;

	path_of(edge, path);
	overrides_json(overrides, &text);
	buf_char(&text, '\n');
	good = state_file_write(path, buf_all(&text), err);
	buf_fini(&text);
	if (good)
		note_seen(edge);
	return good;
}

void
edge_overrides_look(struct edge *edge)
{
	char path[OVERRIDES_PATH_MAX];
	struct file_identity now;
	struct override gone;
	bool any = false;
	struct err err;

	/* Another edge's word, from before it handed over to this one. */
	path_of(edge, path);
	now = file_identity(path);
	if (!file_identity_eq(&now, &edge->overrides_seen))
		edge_overrides_read(edge);
	while (overrides_expire(&edge->overrides, clock_unix_ms(), &gone)) {
		log_warn("region %s: the operator's word (%s) has expired",
		    gone.region, override_name(gone.kind));
		any = true;
	}
	if (!any)
		return;
	if (!save(edge, &edge->overrides, &err))
		log_error("%s", err.text);
	edge_count_up(edge);
}

/* --- what is asked for ---------------------------------------------------------- */

/* The value of a parameter, decoded into text; false: not there, too long,
 * or malformed. */
static bool
parameter(struct slice query, const char *name, char *text, size_t size)
{
	struct slice pair, key;
	size_t n = 0;

	while (slice_split(&query, '&', &pair)) {
		if (!slice_split(&pair, '=', &key) || !slice_is(key, name))
			continue;
		for (size_t i = 0; i < pair.len; i++) {
			int c = (unsigned char)pair.p[i];

			if (c == '%' && pair.len - i > 2) {
				c = chars_hex(pair.p[i + 1]) << 4 |
				    chars_hex(pair.p[i + 2]);
				i += 2;
			}
			if (c <= 0 || n + 1 >= size)
				return false;
			text[n++] = (char)c;
		}
		text[n] = '\0';
		return true;
	}
	return false;
}

static bool
read_until(struct slice query, struct override *word, struct err *err)
{
	char text[32];
	uint64_t ms;

	if (!parameter(query, "for", text, sizeof(text)))
		return true;
	if (!slice_to_u64(slice_of(text), &ms) || ms == 0 || ms > LONGEST_MS)
		return err_set(err, "for: from a moment to a year");
	word->until_unix_ms = word->since_unix_ms + ms;
	return true;
}

static bool
refuse_region(const struct region_map *map, const char *region,
    struct err *err)
{
	const char *ids[REGIONS_MAX], *near;

	for (uint8_t i = 0; i < map->nregions; i++)
		ids[i] = map->regions[i].id;
	near = near_find(slice_of(region), ids, map->nregions);
	if (near == NULL)
		return err_set(err, "no such region in %s", map->file);
	return err_set(err, "no such region in %s; did you mean %s?",
	    map->file, near);
}

static bool
read_word(struct edge *edge, struct slice query, struct override *word,
    struct err *err)
{
	const struct region_map *map = edge->plan->generation->policy.map;
	char region[64], state[16], reason[WORD_MAX] = "";

	if (!parameter(query, "region", region, sizeof(region)))
		return err_set(err, "no such region in %s", map->file);
	if (region_find(map, slice_of(region)) < 0)
		return refuse_region(map, region, err);
	if (!parameter(query, "state", state, sizeof(state)) ||
	    !override_parse(&word->kind, slice_of(state)))
		return err_set(err, "a region is put down, drain, up or auto");
	parameter(query, "reason", reason, sizeof(reason));
	if (strlen(reason) > OVERRIDE_REASON_MAX)
		return err_set(err, "the reason has more than %d bytes",
		    OVERRIDE_REASON_MAX);
	snprintf(word->region, sizeof(word->region), "%s", map->regions[
	    region_find(map, slice_of(region))].id);
	memcpy(word->reason, reason, strlen(reason) + 1);
	word->since_unix_ms = clock_unix_ms();
	return read_until(query, word, err);
}

bool
edge_overrides_take(struct edge *edge, struct slice query, struct buf *out)
{
	struct overrides next = edge->overrides;
	struct override word = { .kind = OVERRIDE_AUTO };
	struct err err;

	/* What cannot be kept is not begun: a crash would end it. */
	if (!read_word(edge, query, &word, &err) ||
	    !(overrides_set(&next, &word) ||
	    err_set(&err, "words about too many regions")) ||
	    !save(edge, &next, &err)) {
		buf_printf(out, "%s\n", err.text);
		return false;
	}
	edge->overrides = next;
	edge_count_up(edge);
	buf_printf(out, "region %s: ", word.region);
	override_text(&word, out);
	log_warn("%s (an operator's word)", buf_cstr(out));
	buf_char(out, '\n');
	return true;
}
