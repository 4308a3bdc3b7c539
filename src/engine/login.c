/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Logging in: a directory is a service with /authentication.  Who it knows
 * gets a token of ours, sealed, for one tenant, one flow and one state; the
 * player sends it as Authorization with everything it asks from then on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/form.h"

enum { LOGIN_MS = 24 * 3600 * 1000, TEXT_MAX = 512, TOKEN_MAX = 4096 };

/* --- our token ------------------------------------------------------------------------ */

static const struct {
	const char	*key;		/* of the directory's answer, and ours */
	size_t		 offset;	/* in struct run_user */
	size_t		 most;
} parts[] = {
#define PART(key, member, most) { key, offsetof(struct run_user, member), most }
	PART("userId", id, TEXT_MAX), PART("username", name, TEXT_MAX),
	PART("email", email, TEXT_MAX), PART("firstName", first, TEXT_MAX),
	PART("lastName", last, TEXT_MAX), PART("token", token, TOKEN_MAX),
	PART("directoryId", directory_id, TEXT_MAX),
	PART("directoryName", directory_name, TEXT_MAX),
	PART("identityProvider", provider, TEXT_MAX),
	PART("tenantName", tenant_name, TEXT_MAX),
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* The state's lifetime, a day at most.  Being idle ends the state, and who is
 * not goes on with the login. */
static int64_t
good_until(const struct run *run)
{
	int64_t day = run->now_ms + LOGIN_MS;
	int64_t life_s = run_root(run)->expires_s, life_ms;

	if (life_s <= 0 || life_s > INT32_MAX ||
	    run->row.created_ms == 0)
		return day;
	life_ms = run->row.created_ms + life_s * 1000;
	return life_ms < day ? life_ms : day;
}

/* NULL if the directory says more of its user than a token can hold. */
static const char *
make_token(const struct call_ctx *c, const struct run *run,
    const struct flow_service *service, const json_t *who)
{
	json_t *user = json_object(), *json;
	struct buf token = { 0 };
	const char *made = NULL;
	char *text;

	for (size_t i = 0; i < PARTS; i++) {
		json_t *part = json_object_get(who, parts[i].key);

		if (json_is_string(part) &&
		    json_string_length(part) <= parts[i].most)
			json_object_set(user, parts[i].key, part);
	}
	json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "tenant",
	    c->call->tenant_text, "flow", run_root(run)->id, "state", run->id,
	    "service", service->id, "until", (json_int_t)good_until(run),
	    "user", user);
	text = json_dumps(json, JSON_COMPACT);
	must(text != NULL);
	if (strlen(text) <= SEAL_TOKEN_MAX / 2) {
		seal(&c->edition->keys, slice_of(text), &token);
		made = arena_copy(run->arena, buf_all(&token));
	}
	explicit_bzero(text, strlen(text));
	free(text);
	json_decref(json);
	buf_fini(&token);
	return made;
}

static bool
is_same_guid(const json_t *json, const char *key, const char *text)
{
	struct guid a, b;

	return guid_of(&a, json_string_value(json_object_get(json, key))) &&
	    guid_of(&b, text) && guid_eq(&a, &b);
}

static const struct run_user *
user_of(struct run *run, const json_t *json)
{
	struct run_user *user = arena_alloc(run->arena, sizeof(*user));
	const json_t *who = json_object_get(json, "user");

	for (size_t i = 0; i < PARTS; i++) {
		const char *text = json_string_value(json_object_get(who,
		    parts[i].key));
		const char **to = (const char **)(void *)((char *)user +
		    parts[i].offset);

		if (text != NULL)
			*to = arena_strdup(run->arena, text);
	}
	if (user->id == NULL || !guid_of(&user->service, json_string_value(
	    json_object_get(json, "service"))))
		return NULL;
	return user;
}

void
call_take_login(const struct call_ctx *c, struct run *run, const char *token)
{
	struct buf plain = { 0 };
	json_t *json = NULL;

	if (run->login_taken)
		return;
	run->login_taken = true;
	run->user = NULL;
	if (token == NULL || token[0] == '\0')
		return;
	if (unseal(&c->edition->keys, slice_of(token), &plain))
		json = json_loadb(plain.p, plain.len, 0, NULL);
	/* Another state's, or another day's, is as good as none. */
	if (json != NULL && is_same_guid(json, "tenant",
	    c->call->tenant_text) && is_same_guid(json, "state", run->id) &&
	    is_same_guid(json, "flow", run_root(run)->id) &&
	    json_integer_value(json_object_get(json, "until")) > run->now_ms)
		run->user = user_of(run, json);
	if (run->user != NULL)
		run->login = arena_strdup(run->arena, token);
	if (plain.p != NULL)
		explicit_bzero(plain.p, plain.cap);
	buf_fini(&plain);
	json_decref(json);
}

/* --- asking the directory ---------------------------------------------------------------- */

static const char *
text_in(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

/* The token for whom the directory knows; NULL with the status and the
 * sentence of a refusal. */
static const char *
authenticate(const struct call_ctx *c, struct run *run,
    const struct flow_service *service, json_t *credentials,
    const char **sentence)
{
	struct ask one = { .service = service, .method = "POST",
	    .path = "/authentication",
	    .body = service_request(run, service, NULL) };
	const char *status, *token = NULL;

	json_object_update(one.body, credentials);
	call_services(run, &one, 1);
	json_decref(one.body);
	if (one.end != ASK_ANSWERED) {
		*sentence = one.fault;
		return NULL;
	}
	status = text_in(one.answer, "status");
	if (status == NULL || (strcmp(status, "200") != 0 &&
	    !slice_eq_nocase(slice_of(status), SLICE("AUTHENTICATED"))) ||
	    text_in(one.answer, "userId") == NULL)
		*sentence = arena_printf(run->arena, "%.300s",
		    text_in(one.answer, "statusMessage") != NULL ?
		    text_in(one.answer, "statusMessage") :
		    "The username or the password is not correct");
	else if ((token = make_token(c, run, service, one.answer)) == NULL)
		*sentence = "The directory says too much of this user";
	json_decref(one.answer);
	return token;
}

/* The directory of where the run stands, if that is its id. */
static const struct flow_service *
directory_of_id(const struct run *run, const char *id)
{
	const struct flow_service *service = run_directory(run);
	struct guid guid;

	return service != NULL && guid_of(&guid, id) &&
	    guid_eq(&service->guid, &guid) ? service : NULL;
}

/* What the client says of who it is, and nothing else. */
static json_t *
credentials_of(const json_t *json)
{
	static const char *const keys[] = { "username", "password", "token",
	    "sessionToken", "sessionUrl", "loginUrl" };
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(json, keys[i]);

		/* The state's own token is none of the user's. */
		json_object_set(out, keys[i], json_is_string(value) ? value :
		    json_null());
	}
	return out;
}

bool
call_log_in(const struct call_ctx *c, struct run *run, const json_t *json,
    const char **sentence)
{
	const struct flow_service *service = run_directory(run);
	json_t *credentials;
	const char *token;

	if (service == NULL) {
		*sentence = "There is no directory to log in to";
		return false;
	}
	credentials = credentials_of(json);
	token = authenticate(c, run, service, credentials, sentence);
	json_decref(credentials);
	if (token == NULL)
		return false;
	run->login_taken = false;
	run->verdicts = NULL;		/* they were of nobody */
	call_take_login(c, run, token);
	return true;
}

void
call_login(const struct call_ctx *c)
{
	json_t *json = call_json(c), *credentials;
	const struct flow_service *service;
	const char *sentence, *token, *named;
	struct arena *arena;
	struct run *run;

	if (json == NULL)
		return;
	arena = arena_new(0);
	run = call_load(c, arena);
	if (run != NULL) {
		named = form_value(arena, slice_of(c->call->query),
		    "serviceElementId");
		service = named == NULL ? run_directory(run) :
		    directory_of_id(run, named);
		credentials = credentials_of(json);
		token = service == NULL ? NULL : authenticate(c, run, service,
		    credentials, &sentence);
		if (service == NULL)
			answer_sentence(c, 400, "There is no such directory "
			    "to log in to where the state stands");
		else if (token == NULL)
			answer_sentence(c, 401, "%s", sentence);
		else
			answer_json(c, 200, json_string(token));
		json_decref(credentials);
		run_fini(run);
	}
	arena_free(&arena);
	json_decref(json);
}

/* --- coming back from a directory ----------------------------------------------------------- */

static bool
is_below(const char *url, const char *origin)
{
	size_t len = strlen(origin);

	return len > 0 && strncasecmp(url, origin, len) == 0 &&
	    (url[len] == '/' || url[len] == '?' || url[len] == '\0');
}

/*
 * Whoever begins a state says where its player is.  A login must not be taken
 * to a stranger's page: only to our own host, and to those origins whose
 * scripts may ask us by name; "*" names nobody.
 */
static bool
is_player_of_ours(const struct call_ctx *c, const struct run *run)
{
	const struct config *config = c->edition->generation->config;
	const char *to = run->join_uri;

	if ((to[0] == '/' && to[1] != '/' && to[1] != '\\') ||
	    is_below(to, c->call->origin))
		return true;
	for (size_t i = 0; i < config->ncors_origins; i++)
		if (is_below(to, config->cors_origins[i]))
			return true;
	return false;
}

/* Where the player was, with what it is to send from now on. */
static void
send_back(const struct call_ctx *c, const struct run *run, const char *token)
{
	struct buf fields = { 0 };
	const char *to = run->join_uri;

	for (const char *p = to; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '"') {
			answer_sentence(c, 400, "The player's address cannot "
			    "be gone back to");
			return;
		}
	buf_printf(&fields, "Location: %s&authorization=%s\r\n"
	    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n", to,
	    token);
	answer_redirect(c, buf_cstr(&fields));
	buf_fini(&fields);
}

static void
come_back(const struct call_ctx *c, struct arena *arena, const char *state,
    json_t *credentials)
{
	struct callback from;
	const struct flow_service *service;
	const char *sentence, *token;
	struct run *run;

	if (!callback_token_read(&c->edition->keys, state, &from)) {
		answer_sentence(c, 403, "The login did not begin here, or has "
		    "been changed on its way");
		return;
	}
	c->call->callback = true;
	c->call->tenant = from.tenant;
	guid_text(from.tenant.bytes, c->call->tenant_text);
	snprintf(c->call->names[0], sizeof(c->call->names[0]), "%s",
	    from.state);
	call_use_stored_flows(c);
	run = call_load(c, arena);
	if (run == NULL)
		return;
	service = directory_of_id(run, from.nonce);
	if (service == NULL || run->join_uri == NULL)
		answer_sentence(c, 400, "The state does not wait for a login "
		    "any more");
	else if (!is_player_of_ours(c, run))
		answer_sentence(c, 403, "The player is at an address that a "
		    "login is not taken to: cors.origins does not name it");
	else if ((token = authenticate(c, run, service, credentials,
	    &sentence)) == NULL)
		answer_sentence(c, 401, "%s", sentence);
	else
		send_back(c, run, token);
	run_fini(run);
}

static void
from_form(const struct call_ctx *c, struct slice form, const char *state_key,
    const char *const (*keys)[2])
{
	struct arena *arena = arena_new(0);
	json_t *credentials = json_object();

	for (; (*keys)[0] != NULL; keys++) {
		const char *text = form_value(arena, form, (*keys)[0]);

		if (text != NULL)
			json_object_set_new(credentials, (*keys)[1],
			    json_string(text));
	}
	if (c->call->origin[0] != '\0')
		json_object_set_new(credentials, "redirectUri", json_string(
		    arena_printf(arena, "%s/api/run/1/oauth2",
		    c->call->origin)));
	come_back(c, arena, form_value(arena, form, state_key), credentials);
	json_decref(credentials);
	arena_free(&arena);
}

void
call_oauth(const struct call_ctx *c)
{
	static const char *const keys[][2] = { { "code", "code" },
	    { "oauth_token", "token" }, { "oauth_verifier", "verifier" },
	    { NULL, NULL } };

	from_form(c, slice_of(c->call->query), "state", keys);
}

void
call_saml(const struct call_ctx *c)
{
	static const char *const keys[][2] = {
	    { "SAMLResponse", "samlResponse" }, { NULL, NULL } };

	from_form(c, buf_all(&c->call->body), "RelayState", keys);
}
