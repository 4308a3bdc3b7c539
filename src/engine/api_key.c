/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Keys of the build-time API.  A key is 256 bits of the system's generator,
 * so nobody can find one by trying and one pass of HMAC-SHA256 hides it as
 * well as a slow hash for passwords would: what the store keeps is of no use
 * to who reads it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/must.h"
#include "engine/metadata.h"

const char *const api_role_names[API_ROLES + 1] = {
	[ROLE_READER] = "reader", [ROLE_BUILDER] = "builder",
	[ROLE_OPERATOR] = "operator", NULL
};

static void
hex(char *text, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void
hash_of(struct slice secret, uint8_t hash[HMAC_BYTES])
{
	hmac_sha256(secret, SLICE("portolan api key"), hash);
}

void
api_key_make(struct api_key *key, char secret[API_KEY_SECRET + 1])
{
	uint8_t bytes[(API_KEY_ID + API_KEY_SECRET) / 2];

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	hex(key->id, bytes, API_KEY_ID / 2);
	hex(secret, bytes + API_KEY_ID / 2, API_KEY_SECRET / 2);
	hash_of((struct slice){ secret, API_KEY_SECRET }, key->hash);
	explicit_bzero(bytes, sizeof(bytes));
}

json_t *
api_key_json(const struct api_key *key)
{
	char hash[2 * HMAC_BYTES + 1], tenant[GUID_TEXT];
	json_t *json;

	hex(hash, key->hash, HMAC_BYTES);
	json = json_pack("{s:s, s:s, s:s, s:s}", "name", key->name, "role",
	    api_role_names[key->role], "tenant",
	    guid_text(key->tenant.bytes, tenant), "hash", hash);
	must(json != NULL);
	return json;
}

static bool
is_hex(struct slice text, size_t len)
{
	for (size_t i = 0; i < text.len; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') ||
		    (text.p[i] >= 'a' && text.p[i] <= 'f')))
			return false;
	return text.len == len;
}

static uint8_t
digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool
api_role_parse(enum api_role *role, const char *text)
{
	for (int i = 0; text != NULL && i < API_ROLES; i++)
		if (strcmp(text, api_role_names[i]) == 0) {
			*role = (enum api_role)i;
			return true;
		}
	return false;
}

bool
api_key_read(struct api_key *key, const char *id, const json_t *json)
{
	const char *hash = json_string_value(json_object_get(json, "hash"));
	const char *name = json_string_value(json_object_get(json, "name"));

	if (!is_hex(slice_of(id), API_KEY_ID) || hash == NULL ||
	    !is_hex(slice_of(hash), (size_t)2 * HMAC_BYTES) ||
	    !guid_of(&key->tenant, json_string_value(
	    json_object_get(json, "tenant"))) ||
	    !api_role_parse(&key->role, json_string_value(
	    json_object_get(json, "role"))))
		return false;
	memcpy(key->id, id, API_KEY_ID + 1);
	snprintf(key->name, sizeof(key->name), "%s", name == NULL ? "" : name);
	for (size_t i = 0; i < HMAC_BYTES; i++)
		key->hash[i] = (uint8_t)(digit(hash[2 * i]) << 4 |
		    digit(hash[2 * i + 1]));
	return true;
}

bool
api_key_split(struct slice text, struct slice *id, struct slice *secret)
{
	struct slice rest = text;

	return slice_split(&rest, '.', id) && is_hex(*id, API_KEY_ID) &&
	    (*secret = rest, is_hex(rest, API_KEY_SECRET));
}

bool
api_key_is(const struct api_key *key, struct slice secret)
{
	uint8_t hash[HMAC_BYTES];

	hash_of(secret, hash);
	return same_secret(hash, key->hash, HMAC_BYTES);
}
