/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who may act where a run stands.  A flow, and each of its lanes, is for
 * everybody, for all users of a directory, or for some of them; the directory
 * is a service, which says where to log in and who belongs to whom.
 */
#include "base/must.h"
#include "engine/run.h"
#include "engine/system_ids.h"

/* --- asking the directory ------------------------------------------------------------ */

static const char *
text_named(struct run *run, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(
	    object_property_named(object, slice_of(name)), "contentValue"));

	return text == NULL || text[0] == '\0' ? NULL :
	    arena_strdup(run->arena, text);
}

static void
take_object(struct run *run, const json_t *object, struct verdict *v)
{
	const char *status = text_named(run, object, "Status");

	v->directory_id = text_named(run, object, "Directory Id");
	v->directory_name = text_named(run, object, "Directory Name");
	v->kind = text_named(run, object, "AuthenticationType");
	v->login_url = text_named(run, object, "LoginUrl");
	v->permitted = status != NULL && run->user != NULL &&
	    strcmp(status, "200") == 0;
}

static json_t *
question(struct run *run, const struct flow_auth *auth)
{
	const struct flow_service *service = auth->service;
	json_t *json = service_request(run, service, service->id);
	json_t *authorization = auth->json == NULL ? json_object() :
	    json_deep_copy(auth->json);

	json_object_set_new(authorization, "runningAuthenticationId",
	    run->user == NULL ? json_null() : json_string(run->user->id));
	must(json_object_update_new(json, json_pack(
	    "{s:o, s:{s:s, s:n}, s:n, s:s?}", "authorization", authorization,
	    "objectDataType", "developerName", "GroupAuthorizationUser",
	    "properties", "objectData", "callbackUri", run->origin == NULL ?
	    NULL : arena_printf(run->arena, "%s/api/run/1/oauth2",
	    run->origin))) == 0);
	return json;
}

static void
ask_directory(struct run *run, const struct flow_auth *auth,
    struct verdict *v)
{
	struct ask one = { .service = auth->service, .method = "POST",
	    .path = "/authorization" };

	if (run->ask == NULL)
		return;
	one.body = question(run, auth);
	run->ask(run, &one, 1);
	json_decref(one.body);
	if (one.end != ASK_ANSWERED)
		return;			/* whoever is not known may not */
	take_object(run, json_array_get(json_object_get(one.answer,
	    "objectData"), 0), v);
	json_decref(one.answer);
}

static bool
is_of(const struct run_user *user, const struct flow_auth *auth)
{
	return user != NULL && auth->service != NULL &&
	    guid_eq(&user->service, &auth->service->guid);
}

static const struct verdict *
verdict_of(struct run *run, const struct flow_auth *auth)
{
	struct verdict *v;

	for (v = run->verdicts; v != NULL; v = v->next)
		if (v->auth == auth)
			return v;
	v = arena_alloc(run->arena, sizeof(*v));
	*v = (struct verdict){ .auth = auth, .next = run->verdicts };
	run->verdicts = v;
	if (auth->service == NULL)
		return v;
	if (auth->kind == AUTH_ALL_USERS && is_of(run->user, auth))
		v->permitted = true;
	else
		ask_directory(run, auth, v);
	if (!is_of(run->user, auth))
		v->permitted = false;
	return v;
}

/* --- where the run stands -------------------------------------------------------------- */

/* NULL: it is open to who asks. */
static const struct verdict *
closed(struct run *run, const struct flow_auth *auth)
{
	const struct verdict *v = auth->kind == AUTH_PUBLIC ? NULL :
	    verdict_of(run, auth);

	return v == NULL || v->permitted ? NULL : v;
}

/* By a flow that runs this one. */
static const struct verdict *
closed_above(struct run *run, const struct frame *f)
{
	const struct verdict *v;

	if (f == NULL)
		return NULL;
	v = closed_above(run, f->up);
	return v != NULL ? v : closed(run, &f->flow->auth);
}

/* What closes the place, the widest first; NULL: nothing does. */
static const struct verdict *
closed_by(struct run *run)
{
	const struct verdict *v = closed_above(run, run->up);

	if (v == NULL)
		v = closed(run, &run->flow->auth);
	if (v == NULL && shows_page(run->at))
		v = closed(run, &run->at->auth);
	return v;
}

bool
run_is_guarded(struct run *run)
{
	return closed_by(run) != NULL;
}

bool
run_may_begin(struct run *run)
{
	return closed(run, &run->flow->auth) == NULL;
}

/* The directory's address, with what brings the browser back to this state. */
static const char *
login_url(struct run *run, const struct verdict *v)
{
	const char *url = v->login_url, *key = "state";

	if (url == NULL || v->kind == NULL || run->token_for == NULL ||
	    v->auth->service == NULL ||
	    slice_eq_nocase(slice_of(v->kind), SLICE("USERNAME_PASSWORD")))
		return url;
	if (slice_eq_nocase(slice_of(v->kind), SLICE("SAML")))
		key = "RelayState";
	if (strstr(url, arena_printf(run->arena, "%s=", key)) != NULL)
		return url;		/* it was told, and has it already */
	return arena_printf(run->arena, "%s%c%s=%s", url,
	    strchr(url, '?') == NULL ? '?' : '&', key,
	    run->token_for(run, v->auth->service->id));
}

json_t *
run_authorization(struct run *run)
{
	const struct verdict *v = closed_by(run);
	/* Who has logged in there and still may not is not asked again. */
	bool asks = v != NULL && !is_of(run->user, v->auth);
	const char *id = !asks || v->auth->service == NULL ? NULL :
	    v->directory_id != NULL ? v->directory_id :
	    v->auth->service->id;
	json_t *json = json_pack("{s:s?, s:s?, s:s, s:s?}", "directoryId", id,
	    "directoryName", asks ? v->directory_name : NULL,
	    "authenticationType", asks && v->kind != NULL ? v->kind :
	    "USERNAME_PASSWORD", "loginUrl", asks ? login_url(run, v) :
	    NULL);

	must(json != NULL);
	return json;
}

static const struct flow_service *
directory_of(const struct flow_auth *auth)
{
	return auth->kind == AUTH_PUBLIC ? NULL : auth->service;
}

const struct flow_service *
run_directory(const struct run *run)
{
	const struct flow_service *service = directory_of(&run->at->auth);

	if (service == NULL)
		service = directory_of(&run->flow->auth);
	for (const struct frame *f = run->up; f != NULL && service == NULL;
	    f = f->up)
		service = directory_of(&f->flow->auth);
	return service;
}
