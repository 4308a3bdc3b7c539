/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/overrides.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const names[] = {
	[OVERRIDE_AUTO] = "auto", [OVERRIDE_DOWN] = "down",
	[OVERRIDE_DRAIN] = "drain", [OVERRIDE_UP] = "up",
};

const char *
override_name(enum override_kind kind)
{
	return names[kind];
}

bool
override_parse(enum override_kind *kind, struct slice name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i])) {
			*kind = (enum override_kind)i;
			return true;
		}
	return false;
}

/* --- words ------------------------------------------------------------------ */

const struct override *
overrides_find(const struct overrides *o, const char *region)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->list[i].region, region) == 0)
			return &o->list[i];
	return NULL;
}

static void
take_back(struct overrides *o, size_t at)
{
	memmove(&o->list[at], &o->list[at + 1],
	    (o->count - at - 1) * sizeof(o->list[0]));
	o->count--;
}

bool
overrides_set(struct overrides *o, const struct override *word)
{
	const struct override *before = overrides_find(o, word->region);

	if (before != NULL)
		take_back(o, (size_t)(before - o->list));
	if (word->kind == OVERRIDE_AUTO)
		return true;
	if (o->count == REGIONS_MAX)
		return false;
	o->list[o->count++] = *word;
	return true;
}

bool
overrides_expire(struct overrides *o, uint64_t now_unix_ms,
    struct override *gone)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->list[i].until_unix_ms == 0 ||
		    o->list[i].until_unix_ms > now_unix_ms)
			continue;
		*gone = o->list[i];
		take_back(o, i);
		return true;
	}
	return false;
}

struct overrides_sets
overrides_sets(const struct overrides *o, const struct region_map *map)
{
	struct overrides_sets sets = { { 0 }, { 0 }, { 0 } };
	struct region_set *const of[] = { [OVERRIDE_DOWN] = &sets.down,
	    [OVERRIDE_DRAIN] = &sets.drain, [OVERRIDE_UP] = &sets.up };

	for (size_t i = 0; i < o->count; i++) {
		int region = region_find(map, slice_of(o->list[i].region));

		if (region >= 0)
			region_set_add(of[o->list[i].kind], (unsigned)region);
	}
	return sets;
}

struct region_set
overrides_apply(const struct overrides_sets *sets, struct region_set up,
    int born)
{
	uint16_t drained = sets->drain.bits;

	if (born >= 0)
		drained &= (uint16_t)~(1u << born);
	up.bits |= sets->up.bits;
	up.bits &= (uint16_t)~(sets->down.bits | drained);
	return up;
}

/* --- out -------------------------------------------------------------------- */

void
override_json(const struct override *word, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];

	buf_text(out, "{\"region\":");
	buf_json(out, slice_of(word->region));
	buf_printf(out, ",\"state\":\"%s\",\"since\":\"%s\",\"since_ms\":%llu,",
	    override_name(word->kind), clock_text(word->since_unix_ms, text),
	    (unsigned long long)word->since_unix_ms);
	if (word->until_unix_ms != 0)
		buf_printf(out, "\"until\":\"%s\",\"until_ms\":%llu,",
		    clock_text(word->until_unix_ms, text),
		    (unsigned long long)word->until_unix_ms);
	buf_text(out, "\"reason\":");
	buf_json(out, slice_of(word->reason));
	buf_char(out, '}');
}

void
overrides_json(const struct overrides *o, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < o->count; i++) {
		buf_text(out, i > 0 ? "," : "");
		override_json(&o->list[i], out);
	}
	buf_char(out, ']');
}

void
override_text(const struct override *word, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];

	buf_text(out, override_name(word->kind));
	if (word->until_unix_ms != 0)
		buf_printf(out, " until %s", clock_text(word->until_unix_ms,
		    text));
	if (word->reason[0] != '\0')
		buf_printf(out, ": %s", word->reason);
}

/* --- in --------------------------------------------------------------------- */

/* Whole, or not at all: a region's id that was cut would be another's. */
static bool
take_text(char *to, size_t size, const json_t *json)
{
	const char *text = json_string_value(json);

	if (text == NULL || strlen(text) >= size)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

static bool
take_time(uint64_t *ms, const json_t *json)
{
	*ms = (uint64_t)json_integer_value(json);
	return json == NULL ||
	    (json_is_integer(json) && json_integer_value(json) >= 0);
}

static bool
take_word(struct overrides *o, const json_t *json)
{
	const char *state = json_string_value(json_object_get(json, "state"));
	struct override word = { .kind = OVERRIDE_AUTO };

	return state != NULL && override_parse(&word.kind, slice_of(state)) &&
	    word.kind != OVERRIDE_AUTO && take_text(word.region,
	    sizeof(word.region), json_object_get(json, "region")) &&
	    take_text(word.reason, sizeof(word.reason),
	    json_object_get(json, "reason")) &&
	    take_time(&word.since_unix_ms, json_object_get(json,
	    "since_ms")) && take_time(&word.until_unix_ms,
	    json_object_get(json, "until_ms")) && overrides_set(o, &word);
}

bool
overrides_parse(struct overrides *o, struct slice json, struct err *err)
{
	json_t *list = json_loadb(json.p, json.len, 0, NULL);
	bool good = json_is_array(list);

	o->count = 0;
	for (size_t i = 0; good && i < json_array_size(list); i++)
		good = take_word(o, json_array_get(list, i));
	json_decref(list);
	if (good)
		return true;
	o->count = 0;
	return err_set(err, "not a list of words about regions");
}
