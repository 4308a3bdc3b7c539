/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Values that stand in no snapshot: $User and $Location tell who asks, $State
 * and $JoinUri where the run stands.  They are made when they are read, and
 * belong to one request.
 */
#include <stdio.h>
#include <time.h>

#include "base/must.h"
#include "engine/run.h"
#include "engine/system_ids.h"

void
run_set_client(struct run *run, const struct run_client *client)
{
	const json_t *before = run->client.location;

	run->client = *client;
	if (!json_is_object(client->location))
		run->client.location = before;
	else	/* the request's JSON does not live as long as we do */
		json_array_append_new(run->kept, json_deep_copy(
		    client->location));
	if (json_is_object(client->location))
		run->client.location = json_array_get(run->kept,
		    json_array_size(run->kept) - 1);
}

static void
set(json_t *object, const char *property, const char *text)
{
	json_object_set_new(object_property(object, property), "contentValue",
	    text == NULL || text[0] == '\0' ? json_null() :
	    json_string(text));
}

static void
fill_user(const struct run *run, json_t *object)
{
	const struct run_user *u = run->user;

	set(object, USER_ID, u == NULL ? PUBLIC_USER_ID : u->id);
	if (u != NULL) {
		set(object, USER_NAME, u->name);
		set(object, USER_EMAIL, u->email);
		set(object, USER_FIRST_NAME, u->first);
		set(object, USER_LAST_NAME, u->last);
		set(object, USER_DIRECTORY_ID, u->directory_id);
		set(object, USER_DIRECTORY_NAME, u->directory_name);
	}
	set(object, USER_COUNTRY, run->client.country);
	set(object, USER_LOCATION, run->client.continent);
	set(object, USER_IP_ADDRESS, run->client.ip);
}

/* The player's names of what a browser tells of its place. */
static void
fill_location(struct run *run, json_t *object)
{
	static const struct {
		const char	*property, *key;
	} parts[] = {
		{ LOCATION_TIMESTAMP, "timestamp" },
		{ LOCATION_LATITUDE, "latitude" },
		{ LOCATION_LONGITUDE, "longitude" },
		{ LOCATION_ACCURACY, "accuracy" },
		{ LOCATION_ALTITUDE, "altitude" },
		{ LOCATION_ALTITUDE_ACCURACY, "altitudeAccuracy" },
		{ LOCATION_HEADING, "heading" },
		{ LOCATION_SPEED, "speed" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *v = json_object_get(run->client.location,
		    parts[i].key);

		set(object, parts[i].property, json_is_number(v) ?
		    content_number(run->arena, json_number_value(v)) :
		    json_string_value(v));
	}
}

const char *
run_date(struct run *run, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];

	if (ms <= 0 || gmtime_r(&s, &tm) == NULL)
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(run->arena, text);
}

static void
fill_state(struct run *run, json_t *object)
{
	set(object, STATE_ID, run->id);
	set(object, STATE_FLOW_ID, run->flow->id);
	set(object, STATE_FLOW_VERSION_ID, run->flow->version);
	set(object, STATE_FLOW_NAME, run->flow->name);
	set(object, STATE_IS_DONE, run->done ? "true" : "false");
	set(object, STATE_OWNER_USER_ID, run->user == NULL ?
	    PUBLIC_USER_ID : run->user->id);
	set(object, STATE_DATE_CREATED, run_date(run, run->row.created_ms));
	set(object, STATE_DATE_MODIFIED, run_date(run, run->row.updated_ms));
	set(object, STATE_ELEMENT_ID, run->at->id);
	set(object, STATE_ELEMENT_NAME, run->at->name);
	set(object, STATE_JOIN_URI, run->join_uri);
}

/* Others copy what they take from here, so a stale one can be dropped. */
const json_t *
system_objects(struct run *run, const struct flow_value *value)
{
	json_t **made = &run->system[value->system];
	json_t *object;

	if (value->kind == NULL)
		return NULL;
	if (*made != NULL && (value->system != SYSTEM_STATE ||
	    run->system_at == run->at))
		return *made;
	json_decref(*made);
	object = object_new(value);
	json_object_set_new(object, "internalId", json_string(value->id));
	json_object_set_new(object, "externalId", json_string(value->id));
	if (value->system == SYSTEM_USER)
		fill_user(run, object);
	else if (value->system == SYSTEM_LOCATION)
		fill_location(run, object);
	else
		fill_state(run, object);
	run->system_at = run->at;
	*made = json_array();
	json_array_append_new(*made, object);
	return *made;
}

const char *
system_text(const struct run *run, const struct flow_value *value)
{
	return value->system == SYSTEM_JOIN_URI ? run->join_uri :
	    value->default_text;
}
