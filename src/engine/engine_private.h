/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An engine worker from inside: what its requests share, and the calls of
 * the Run API, one file a family.
 */
#ifndef ENGINE_ENGINE_PRIVATE_H
#define ENGINE_ENGINE_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "conf/generation.h"
#include "engine/engine.h"
#include "engine/metadata.h"
#include "engine/run.h"
#include "serve/serve.h"
#include "store/await.h"
#include "store/http_client.h"
#include "store/seal.h"

enum {
	CALL_BODY_MAX = 4 * 1024 * 1024,	/* of a request */
	CALL_NAME_MAX = 256,
	CALL_NAMES = 4,
};

/*
 * All that a call reads, as it was when the call began; a reload makes
 * another.  Calls wait in between, and those that began with this one keep
 * it.
 */
struct edition {
	unsigned	 holders;	/* the engine, and calls under way */
	struct generation *generation;	/* its restrictions and region map */
	const struct region *region;	/* of the map: where we stand */
	struct flows	*flows;
	struct seal_keys keys;		/* of tokens that come back */
	struct call_guard guard;	/* where services may be called */
	struct call_guard store_guard;	/* and tenants' own stores: there, and ... */
	struct cidr	*store_allow;	/* ... where plain HTTP may go */
};

struct engine {
	const struct engine_options *options;
	struct loop	*loop;
	struct server	*server;
	struct listener	*listener;
	struct tls_context *tls;	/* NULL: the listener is a UNIX socket */
	struct serve_limits limits;
	struct store	*store;
	struct store_watch *store_watch;	/* NULL: another worker does it */
	struct follower	*follower;	/* of the main region; NULL: none */
	struct confiner	*confiner;	/* NULL: another worker's task */
	struct metadata	*metadata;	/* what the store says of flows */
	struct keeping	*keeping;	/* which states are kept elsewhere */
	struct edition	*edition;	/* in service */
	struct list	 turns;		/* who changes a state, and who is next */
	struct http_client *http;	/* asks services */
	struct list	 alarms;	/* waits for a time (alarm.c) */
	size_t		 nalarms;
	struct list	 late;		/* answers of services that are waited for
					   in the background */
	struct buf	 fields;	/* of every answer: our region ... */
	struct buf	 busy_fields;	/* of a 503: when to try again, too */
	struct timer	 expire;	/* deletes states whose time has come */
	struct timer	 drain;
	struct timer	 open;		/* until it accepts */
	uint64_t	 open_by_ms;
	uint64_t	 drain_until_ms;
	bool		 draining;
};

/* certified.c: reads the certificate that is shown on --listen; false, with
 * everything as it was, and logged, if there is none.  Then who may ask: */
bool engine_certify(struct engine *e, const struct generation *g,
    const struct region *region);
bool engine_trusts(const struct engine *e, struct request *r);

struct edition *edition_hold(struct edition *edition);
void edition_release(struct edition **edition);

/* What every call is given.  It may wait for the store or for others, and
 * then anything may have happened: above all, the client may have left. */
struct call_ctx {
	struct engine	*engine;
	struct edition	*edition;
	struct request	*request;	/* NULL: nobody waits for the answer */
	struct call	*call;
};

/*
 * One request, beside serve's own struct: it lives until its fiber has ended
 * and the request is gone, whichever comes last.
 */
struct call {
	struct call_ctx	 ctx;
	bool		 runs;		/* its fiber has not ended */
	bool		 head;		/* the answer is to have no body */
	bool		 changes;	/* the state that it loads is to be saved */
	bool		 for_user;	/* ... and is for who may act there alone */
	const struct route *route;	/* NULL: answered in head() */
	char		 names[CALL_NAMES][CALL_NAME_MAX];	/* what {} in the path stood for */
	char		 tenant_text[GUID_TEXT];
	struct guid	 tenant;
	char		*query, *secret;	/* of the target; of the builder; NULL:
						   none */
	struct flows	 flows;		/* of this tenant and for all */
	struct held	*held;		/* versions that it uses */
	struct place	 place;		/* as the edge found it */
	char		 ip[ADDR_TEXT_MAX];	/* of the client; "": not told */
	char		 origin[300];	/* "https://host" of the client's request;
					   "": not told */
	char		 content_type[200];	/* of the body; "": not told */
	bool		 tree;		/* asked for version 2 of the answer */
	bool		 callback;	/* a service's: where it stands says nothing */
	uint64_t	 services_until_ms;	/* what asking them may take; 0: not
					   asked yet */
	struct buf	 body;
};

/* --- calls; each runs on a fiber of its own, and answers --- */

void call_simple(const struct call_ctx *c);		/* run_init.c */
void call_out(const struct call_ctx *c);
void call_navigation(const struct call_ctx *c);		/* run_look.c */
void call_history(const struct call_ctx *c);
void call_log(const struct call_ctx *c);
void call_old_log(const struct call_ctx *c);
void call_authorization(const struct call_ctx *c);
void call_values(const struct call_ctx *c);		/* run_values.c */
void call_value(const struct call_ctx *c);
void call_value_named(const struct call_ctx *c);
void call_set_values(const struct call_ctx *c);
void call_flow(const struct call_ctx *c);		/* run_flows.c */
void call_flow_named(const struct call_ctx *c);
void call_flows(const struct call_ctx *c);
void call_flows_of_environment(const struct call_ctx *c);
void call_play(const struct call_ctx *c);		/* play.c */
void call_play_file(const struct call_ctx *c);
void call_no_file(const struct call_ctx *c);		/* run_without.c */
void call_data(const struct call_ctx *c);		/* run_service.c */
void call_files(const struct call_ctx *c);
void call_delete_files(const struct call_ctx *c);
void call_upload(const struct call_ctx *c);
void call_no_stream(const struct call_ctx *c);
void call_login(const struct call_ctx *c);		/* login.c */
void call_oauth(const struct call_ctx *c);
void call_saml(const struct call_ctx *c);
void call_listen(const struct call_ctx *c);		/* run_listen.c */
void call_unlisten(const struct call_ctx *c);
void call_response(const struct call_ctx *c);		/* run_callback.c */
void call_event(const struct call_ctx *c);

void call_initialize(const struct call_ctx *c);		/* run_init.c */
void call_invoke(const struct call_ctx *c);		/* run_state.c */
void call_join(const struct call_ctx *c);
void call_invoke_tree(const struct call_ctx *c);	/* version 2 */
void call_join_tree(const struct call_ctx *c);
void call_ping(const struct call_ctx *c);
void call_health(const struct call_ctx *c);		/* health.c */

void call_build_login(const struct call_ctx *c);	/* build_login.c */
void call_build_token(const struct call_ctx *c);
void call_flow_list(const struct call_ctx *c);		/* build_flow.c */
void call_flow_get(const struct call_ctx *c);
void call_flow_put(const struct call_ctx *c);
void call_flow_delete(const struct call_ctx *c);
void call_flow_activate(const struct call_ctx *c);
void call_snap_list(const struct call_ctx *c);		/* build_snap.c */
void call_snap_get(const struct call_ctx *c);
void call_snap_make(const struct call_ctx *c);
void call_snap_import(const struct call_ctx *c);
void call_package_get(const struct call_ctx *c);	/* build_package.c */
void call_package_put(const struct call_ctx *c);
void call_tenant_get(const struct call_ctx *c);		/* build_tenant.c */
void call_tenant_put(const struct call_ctx *c);
void call_stores(const struct call_ctx *c);		/* build_stores.c */
void call_store_create(const struct call_ctx *c);
void call_store_get(const struct call_ctx *c);
void call_store_put(const struct call_ctx *c);
void call_store_delete(const struct call_ctx *c);
void call_store_keys_make(const struct call_ctx *c);
void call_store_keys_use(const struct call_ctx *c);
void call_store_keys_delete(const struct call_ctx *c);
void call_migrate(const struct call_ctx *c);		/* build_migrations.c */
void call_migrations(const struct call_ctx *c);
void call_states(const struct call_ctx *c);		/* build_states.c */
void call_states_of_flow(const struct call_ctx *c);
void call_state_get(const struct call_ctx *c);
void call_state_delete(const struct call_ctx *c);
void call_states_expire(const struct call_ctx *c);
/* A list of what the store's documents say that have changed since a revision. */
struct feed {
	const char	*list;		/* its name in the answer */
	uint64_t	 wait_max_ms;	/* for a change, where there is none */
	void		(*add)(json_t *list, const struct store_doc *doc);
};

void call_answer_feed(const struct call_ctx *c, const struct feed *feed);	/* feed.c */
void call_feed(const struct call_ctx *c);		/* feed.c */
void call_documents(const struct call_ctx *c);		/* follow.c */
/* Tells the store's troubles (store_watch.c). */
void store_watch_start(struct engine *e);
void store_watch_stop(struct engine *e);
/* Asks the main region for its documents, if this is another. */
void follower_start(struct engine *e);
void follower_stop(struct engine *e);
/* After the store was closed. */
void follower_free(struct engine *e);

extern const struct handler_ops api_handler;

/* A call that nobody made, of this tenant; it ends with call_own_free(). */
struct call *call_own(struct engine *e, const struct guid *tenant);
void call_own_free(struct call *call);

/* Flows of the call's tenant that the store knows, for call->flows. */
void call_use_stored_flows(const struct call_ctx *c);	/* stored_flows.c */
void call_release_flows(struct call *call);

/* --- answers (answer.c) --- */

/* json is given away. */
void answer_json(const struct call_ctx *c, unsigned status, json_t *json);
/* JSON text as it is. */
void answer_text(const struct call_ctx *c, unsigned status, const char *text);
/* Something for a browser: its type, and whole lines of further fields. */
void answer_page(const struct call_ctx *c, unsigned status, const char *type,
    const char *fields, struct slice bytes);
/* 302, for a browser; fields: whole lines, Location among them. */
void answer_redirect(const struct call_ctx *c, const char *fields);
/* One sentence as a JSON string: the only error that players can read. */
void answer_sentence(const struct call_ctx *c, unsigned status,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* 405; allow: the methods that the address takes. */
void answer_not_allowed(const struct call_ctx *c, const char *allow);

/* An EngineInvokeResponse of this type; a new reference. */
json_t *invoke_answer(struct run *run, const char *type, bool scaffold);
/* The same in version 2 of the API (tree.c); takes the answer over. */
json_t *tree_of_answer(json_t *answer);
/* Of the page where it stands; NULL if there is none with this id. */
const struct flow_outcome *chosen_outcome(const struct run *run,
    const char *id);

/* Whether the body holds more JSON than is read; then that is answered. */
bool call_is_too_much(const struct call_ctx *c);
/* The body as a JSON object; answers and returns NULL if it is none. */
json_t *call_json(const struct call_ctx *c);

/*
 * Whether flow may be processed here for this tenant, and used from the
 * client's place; else answers 421 or 403.  A second guard behind the edge's:
 * nothing has been done before, and nothing is kept.
 */
bool call_admit(const struct call_ctx *c, const struct flow *flow);
/* The same without an answer: 0, or the status and the sentence (may be NULL)
 * of a refusal. */
unsigned call_may(const struct call_ctx *c, const struct flow *flow,
    const char **sentence);
/*
 * call_admit() for where a state stands: its flow, and those that run it.  And
 * of a call that needs its user (routes.h), whether who asks is one; else
 * answers 401.  May ask the directory.
 */
bool call_admit_run(const struct call_ctx *c, struct run *run);
/* Before it is saved: a home that may not hold it any more is then left. */
void call_confine_run(const struct call_ctx *c, struct run *run);
/* Whether a state may go into flow as a subflow: 0, or the status and the
 * sentence of a refusal.  (run->may) */
unsigned call_may_run(const struct run *run, const struct flow *flow,
    const char **sentence);

/* The state that the path names, with its flow; answers and returns NULL if
 * it cannot be had.  It must be given to run_fini(). */
struct run *call_load(const struct call_ctx *c, struct arena *arena);

/* Tells the run who asks; json is the request, or NULL. */
void call_client(const struct call_ctx *c, struct run *run,
    const json_t *json);

/* The regions that may hold and process states of flow, whatever version. */
store_regions call_allowed(const struct call_ctx *c, const struct guid *flow);
/* Those of the flow of a state of which nothing but its id is known; all of them
 * where that says nothing of its flow. */
store_regions call_allowed_state(const struct call_ctx *c,
    const uint8_t state[16]);

/* After a store's answer other than OK. */
void answer_store(const struct call_ctx *c, enum store_end end);

/*
 * Those who change a state do so one after the other: a request that comes
 * twice does nothing twice, in this process.  (Between processes the store
 * notices.)  On a fiber; turn_end() as soon as the change is done or not.
 */
struct turn {
	struct list	 node;
	struct task	 task;
	struct fiber	*fiber;
	const char	*state;
};

void turn_take(struct engine *e, struct turn *turn, const char *state);
void turn_end(struct engine *e, struct turn *turn);

/* --- services (call_service.c) --- */

/* run->ask and run->token_for. */
void call_services(struct run *run, struct ask *asks, size_t count);
const char *call_token(struct run *run, const char *nonce);
/* Those that are still waited for are not any more. */
void late_cancel_all(struct engine *e);

/* An answer that comes by itself, as from /response; nobody is told what came
 * of it.  On a fiber.  answer NULL: it failed. */
void callback_apply(struct engine *e, const char *tenant, const char *state,
    const char *nonce, const json_t *answer, const char *fault);
/* A wait that is over is ended, before somebody looks.  False: answered. */
bool call_settle(const struct call_ctx *c);
/* The same of a state that nobody looks at. */
void wait_apply(struct engine *e, const char *tenant, const char *state);
/* Sees to that, of a run that has been kept (alarm.c). */
void alarm_set(const struct call_ctx *c, const struct run *run);
void alarm_cancel_all(struct engine *e);
/* To be called once the run has been stored that was not done before: who
 * listens is told (run_listen.c). */
void call_tell_done(const struct call_ctx *c, struct run *run);
/* What went wrong, in one sentence. */
const char *fault_sentence(const struct run *run);

/* Who the token says has logged in to this state: run->user, NULL if it is
 * none of ours, another's, or too old (login.c). */
void call_take_login(const struct call_ctx *c, struct run *run,
    const char *token);
/* Asks the directory of where it stands who that is, by the username and the
 * password of json: then run->user.  False: nobody, for *sentence. */
bool call_log_in(const struct call_ctx *c, struct run *run,
    const json_t *json, const char **sentence);

/* --- tokens (token.c) --- */

struct callback {
	char		 state[GUID_TEXT], nonce[GUID_TEXT];
	struct guid	 tenant;
};

/* Those that the configuration names, or one beside the states, which is made
 * if it is not there. */
bool token_keys_read(const struct config_engines *config,
    const char *store_dir, struct seal_keys *keys, struct err *err);
const char *callback_token(struct arena *arena, const struct seal_keys *keys,
    const char *state, const char *tenant, const char *nonce);
/* False unless it is ours. */
bool callback_token_read(const struct seal_keys *keys, const char *token,
    struct callback *callback);

/* --- states follow the restrictions of their flows (confine.c) --- */

/* The first pass is over all states; from then on, those of which something
 * changed. */
void confine_start(struct engine *e);
/* Anything may have changed. */
void confine_all(struct engine *e);
/* From now on nothing is begun. */
void confine_stop(struct engine *e);
/* After the store was closed. */
void confine_free(struct engine *e);

/* --- states whose time has come (expire.c) --- */

void on_expire(struct timer *timer);
/* All of them, of whatever tenant, here and in tenants' stores; on a fiber. */
enum store_end states_expire(struct engine *e, uint64_t *removed);

/* Sets the times of a state that is saved now, and whether it is done. */
void call_stamp(const struct call_ctx *c, struct run *run);

#endif
