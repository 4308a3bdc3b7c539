/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens as the receivers of external stores want and make them.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"
#include "store/external.h"

enum {
	REQUEST_S = 150,		/* they allow 300, by clocks of their own */
	STATE_S = 600,
	BEFORE_S = 120,			/* their clock may be behind */
	ANSWER_MAX_S = 300 * 60,	/* the longest life they give an answer */
	TOLERANCE_S = 60,
	/* They refuse more than 204,800 bytes after inflating. */
	DEFLATE_MAX = 200000,
};

static void
random_text(char text[33])
{
	uint8_t bytes[16];

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* Claims that both kinds have; the object is left open. */
static void
begin_claims(struct buf *out, const char *tenant, const char *subject,
    int64_t now_s, int64_t life_s)
{
	char jti[33];

	random_text(jti);
	buf_printf(out, "{\"iss\":\"manywho\",\"aud\":\"%s\",\"sub\":\"%s\","
	    "\"exp\":%" PRId64 ",\"nbf\":%" PRId64 ",\"iat\":%" PRId64
	    ",\"jti\":\"%s\"", tenant, subject, now_s + life_s,
	    now_s - BEFORE_S, now_s, jti);
}

void
external_sign_path(const struct external_store *x, const char *tenant,
    const char *path, int64_t now_s, struct buf *out)
{
	struct buf claims = { 0 };

	begin_claims(&claims, tenant, tenant, now_s, REQUEST_S);
	buf_text(&claims, ",\"path\":");
	buf_json(&claims, slice_of(path));
	buf_char(&claims, '}');
	jose_sign(x->platform[0], buf_all(&claims), out);
	buf_fini(&claims);
}

/* --- states, to the store ---------------------------------------------------------- */

static void
add_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, slice_of(text));
}

/* With microseconds, which is what databases keep. */
static void
add_time(struct buf *out, const char *name, int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;

	must(gmtime_r(&s, &tm) != NULL);
	buf_printf(out, ",\"%s\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"",
	    name, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

static void
write_claims(const struct external_state *state, int64_t now_s,
    struct buf *out)
{
	begin_claims(out, state->tenant, state->id, now_s, STATE_S);
	add_text(out, "id", state->id);
	add_text(out, "tenant", state->tenant);
	add_text(out, "flow", state->flow);
	add_text(out, "flowVersion", state->version);
	buf_text(out, ",\"parent\":null,\"currentUser\":null");
	add_text(out, "currentMapElement", state->element);
	buf_printf(out, ",\"isDone\":%s", state->done ? "true" : "false");
	add_time(out, "createdAt", state->created_us);
	add_time(out, "updatedAt", state->updated_us);
	if (state->expires_us != 0)
		add_time(out, "expiresAt", state->expires_us);
	else				/* some take no null here */
		add_text(out, "expiresAt", "9999-12-31T23:59:59.000000Z");
	buf_text(out, ",\"content\":");
	buf_json(out, state->content);
	buf_char(out, '}');
}

static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

void
external_write_state(const struct external_store *x,
    const struct external_state *state, int64_t now_s, struct buf *token)
{
	struct buf claims = { 0 }, jws = { 0 };
	struct jose_how how = { JOSE_A192KW, JOSE_A192CBC_HS384, false };

	write_claims(state, now_s, &claims);
	jose_sign(x->platform[0], buf_all(&claims), &jws);
	how.deflate = jws.len <= DEFLATE_MAX;
	jose_encrypt(x->receiver[0], &how, buf_all(&jws), token);
	wipe(&claims);
	wipe(&jws);
}

/* --- and back ----------------------------------------------------------------------- */

static bool
is_text(const json_t *json, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL && strcmp(value, text) == 0;
}

static bool
is_for(const json_t *claims, const char *who)
{
	const json_t *aud = json_object_get(claims, "aud");

	for (size_t i = 0; i < json_array_size(aud); i++) {
		const char *one = json_string_value(json_array_get(aud, i));

		if (one != NULL && strcmp(one, who) == 0)
			return true;
	}
	return is_text(claims, "aud", who);
}

static bool
is_in_time(const json_t *claims, int64_t now_s)
{
	const json_t *exp = json_object_get(claims, "exp"),
	    *nbf = json_object_get(claims, "nbf");
	double now = (double)now_s;

	return json_is_number(exp) &&
	    json_number_value(exp) > now - TOLERANCE_S &&
	    json_number_value(exp) <= now + ANSWER_MAX_S + TOLERANCE_S &&
	    (nbf == NULL || (json_is_number(nbf) &&
	    json_number_value(nbf) <= now + TOLERANCE_S));
}

static bool
read_claims(const json_t *claims, const char *tenant, const char *id,
    int64_t now_s, struct buf *content, struct err *err)
{
	const json_t *text = json_object_get(claims, "content");

	if (!is_text(claims, "iss", tenant) || !is_for(claims, "manywho"))
		return err_set(err, "it is not by this tenant's store, or for "
		    "somebody else");
	if (!is_text(claims, "sub", id))
		return err_set(err, "it is about another state");
	if (!is_in_time(claims, now_s))
		return err_set(err, "its time is over, or has not come");
	if (!json_is_string(text))
		return err_set(err, "it has no content");
	buf_add(content, json_string_value(text), json_string_length(text));
	return true;
}

bool
external_read_state(const struct external_store *x, const char *tenant,
    const char *id, struct slice token, int64_t now_s, struct buf *content,
    struct err *err)
{
	enum { INFLATED_MAX = 4 * STORE_BODY_MAX };
	struct buf jws = { 0 }, claims = { 0 };
	json_t *json = NULL;
	bool good = jose_decrypt((struct jose_keys){ x->platform,
	    x->nplatform }, token, INFLATED_MAX, &jws, err) &&
	    jose_verify((struct jose_keys){ x->receiver, x->nreceiver },
	    buf_all(&jws), &claims, err);

	if (good) {
		json = json_loadb(claims.p == NULL ? "" : claims.p,
		    claims.len, JSON_REJECT_DUPLICATES, NULL);
		good = read_claims(json, tenant, id, now_s, content, err);
	}
	json_decref(json);
	wipe(&jws);
	wipe(&claims);
	return good;
}
