/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One run of a flow: where it stands and what its values hold.  It lives for
 * one request, in the request's arena; between requests it is the body of a
 * row in the store.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "base/buf.h"
#include "engine/flow.h"
#include "policy/state_id.h"
#include "store/store.h"

/* What a value holds: text, or objects. */
struct cell {
	const char	*text;		/* NULL: empty */
	const json_t	*objects;	/* array, or NULL; held by run->kept */
	size_t		 next;		/* of a list: what GET_NEXT gets */
};

/* Who asks, for $User and $Location. */
struct run_client {
	const char	*country, *continent, *ip;	/* "" or NULL: unknown */
	const json_t	*location;	/* geoLocation of the request, or NULL */
};

/* Who has logged in, as the directory says. */
struct run_user {
	const char	*id, *name, *email, *first, *last, *token;
	const char	*directory_id, *directory_name, *provider, *tenant_name;
	struct guid	 service;	/* the directory's */
};

/* Whether who asks may: asked once a request, of each flow and lane. */
struct verdict {
	const struct flow_auth *auth;
	bool		 permitted;
	const char	*directory_id, *directory_name, *kind, *login_url;
	struct verdict	*next;
};

/* How a part of the page stands, as the conditions have it. */
struct part_view {
	bool		 visible, enabled, editable, required;
	const struct part_filter *filters;	/* of the rows it shows */
};

struct part_filter {
	const struct page_filter *filter;
	const struct part_filter *next;
};

struct page_view {
	struct part_view *components;	/* by their places in the page */
	struct part_view *containers;	/* by index */
};

/* A flow that waits for the one it runs. */
struct frame {
	const struct flow *flow;
	const struct map_element *at;	/* its SUBFLOW */
	struct cell	*cells;
	struct frame	*up;
};

enum { SUBFLOW_DEPTH_MAX = 16 };

/*
 * One question to a service, and what came of it.  Several are asked at once;
 * whoever asks them (run->ask) may wait as long as it takes, and lets others
 * answer later if they may.
 */
enum ask_end {
	ASK_ANSWERED,
	ASK_LATER,			/* under way; the answer comes by its nonce */
	ASK_FAILED,
};

struct ask {
	const struct flow_service *service;
	const char	*method, *path;	/* below the service's address */
	json_t		*body;		/* freed by who asks */
	struct slice	 raw;		/* instead of the body; p NULL: none */
	const char	*raw_type;
	const char	*nonce;		/* NULL: cannot be answered later */
	enum ask_end	 end;
	json_t		*answer;	/* an object; to be freed */
	const char	*fault;		/* of ASK_FAILED: a sentence */
};

/* What a run waits for, between requests. */
enum wait_kind { WAIT_NOTHING, WAIT_SERVICES, WAIT_TIME };

struct pending {
	char		 nonce[GUID_TEXT];	/* who knows it may answer */
	size_t		 message;	/* of the element where the run stands */
	int64_t		 until_ms;	/* then it counts as failed; 0: no end */
};

struct run_wait {
	enum wait_kind	 kind;
	bool		 begun;		/* in this request */
	const char	*message;	/* for the user; NULL: none */
	int64_t		 until_ms;	/* of WAIT_TIME; 0: until it is told */
	struct pending	*pending;
	size_t		 npending;
};

struct run {
	struct arena	*arena;
	const struct flow *flow;	/* the innermost */
	struct frame	*up;		/* who runs it; NULL: nobody */
	/* Where subflows come from, and whether one may be run for who asks:
	 * 0, or a status and the sentence.  NULL: there are none. */
	const struct flows *flows;
	unsigned	(*may)(const struct run *run, const struct flow *flow,
	    const char **sentence);
	unsigned	 stuck_status;	/* after RUN_STUCK: what to answer */
	const char	*stuck;
	struct store_row row;
	struct kept_at	*kept_at;	/* keeping.h's; NULL: not loaded */
	char		 id[STATE_ID_TEXT];
	const struct map_element *at;
	struct cell	*cells;		/* by flow_value.index */
	char		 token[GUID_TEXT];	/* of the last answer */
	bool		 done;
	const char	*join_uri, *run_uri;	/* for the player; NULL: none */
	struct past {			/* pages it stood at, the last ones */
		struct guid id;
		const struct map_element *at;
	}		 *history;
	size_t		 npast;
	/* The last invoke, should it be repeated; last_answer NULL: none. */
	const char	*last_token;
	uint64_t	 last_hash;
	const char	*last_answer;
	/* Of this request alone: by component of the page, what is wrong. */
	const char	**invalid;	/* NULL: nothing is */
	struct page_view *view;		/* of the page; NULL: to be made */
	struct run_client client;
	const struct run_user *user;	/* NULL: nobody has logged in */
	const char	*login;		/* the sealed token that says so */
	bool		 login_taken;	/* it has been looked at */
	struct verdict	*verdicts;	/* all of this request */
	json_t		*system[SYSTEM_VALUES];	/* objects of them, as last made */
	const struct map_element *system_at;	/* where $State was made */
	/* Asks services, on the fiber that runs; NULL: there is nobody to ask. */
	void		(*ask)(struct run *run, struct ask *asks, size_t count);
	/* What a service is to say when it answers by itself; NULL: the nonce. */
	const char	*(*token_for)(struct run *run, const char *nonce);
	const void	*ask_arg;
	size_t		 asked;		/* of ASKS_MAX */
	int64_t		 now_ms;	/* since 1970; 0: not known */
	int64_t		 give_up_ms;	/* how long an answer may take */
	const char	*origin;	/* "https://host" that the client used */
	struct run_wait	 wait;
	const struct flow_outcome *selected;	/* by a service, where it stands */
	json_t		*watchers;	/* who is told when it is done: [{id,
					   callbackUri ...}]; in kept, or NULL */
	json_t		*votes;		/* {user: outcome} where it stands; in kept,
					   or NULL */
	json_t		*faults;	/* {name: sentence} of where it stands; in kept,
					   or NULL */
	/* Of those, which are of values; of this request alone. */
	struct value_fault { const char *name; struct value_ref value; }
	    *value_faults;
	size_t		 nvalue_faults;
	struct { const struct flow_listener *listener;
		const struct flow *flow;
		char nonce[GUID_TEXT]; } *ears;	/* who listens for it */
	size_t		 nears;
	json_t		*kept;		/* what cells point into */
	size_t		 spent;		/* of RUN_BUDGET */
};

/*
 * What one request may cost: bytes that its operations and comparisons touch,
 * and some for each of them.  A flow that adds a value to itself in a circle
 * would else take all memory, and an engine serves more than one.
 */
enum { HISTORY_MAX = 100, ASKS_MAX = 200, EARS_MAX = 100 };
enum { RUN_BUDGET = 64 * 1024 * 1024, MERGED_BYTES_MAX = 4 * 1024 * 1024 };

/* False once the budget is spent: then nothing is to be done any more. */
bool run_spend(struct run *run, size_t bytes);

/* A new one, at START with its values' defaults and a fresh token. */
struct run *run_new(struct arena *arena, const struct flow *flow);

/*
 * From a loaded row.  NULL with *err if its body cannot be read or its flow's
 * version is not there.
 */
struct run *run_restore(struct arena *arena, const struct flows *flows,
    const struct store_row *row, struct err *err);

/* Lets go of what is not in the arena. */
void run_fini(struct run *run);

/* The body to be stored; in the arena. */
struct slice run_body(struct run *run);
/* Whether it would come back as more JSON than one state may take. */
bool run_body_is_too_much(struct slice body);
/* The same as one JSON text, for a store that holds nothing else; it is
 * larger and slower to read.  run_restore() takes both. */
struct slice run_text_body(struct run *run);

/* A fresh id. */
void fresh_guid(struct guid *guid);
void fresh_id(char text[GUID_TEXT]);
/* A fresh state token. */
void run_renew_token(struct run *run);

/* --- system values (system.c) --- */

/* Who asks: told once, before anything else is done.  What location holds
 * is kept until the next that is not NULL. */
void run_set_client(struct run *run, const struct run_client *client);
/* ISO 8601, of milliseconds since 1970; NULL: none. */
const char *run_date(struct run *run, int64_t ms);
/* NULL: the value is plain content. */
const json_t *system_objects(struct run *run, const struct flow_value *value);
const char *system_text(const struct run *run,
    const struct flow_value *value);

/* --- objects (objects.c) --- */

/* A new reference, with fresh ids and its type's properties, all empty. */
json_t *object_new(const struct flow_value *value);
/* By id; NULL if there is none. */
json_t *object_property(const json_t *object, const char *id);
/* By id or name, of whatever case. */
json_t *object_property_named(const json_t *object, struct slice name);
/* A mark on objects that are as their service has them: a smart save leaves
 * them out. */
#define OBJECT_UNCHANGED	"isUnchanged"
/* Sets the whole content of one property; text NULL: objects (borrowed). */
void object_set(json_t *object, const struct value_ref *property,
    const char *text, const json_t *objects);
/* Where in list the same object stands; its size if nowhere. */
size_t object_find(const json_t *list, const json_t *object);
/* Roughly the bytes that a copy would take. */
size_t json_weight(const json_t *json);

/* Who runs the flow, as services are told: Key=Value&... */
void run_user_text(const struct run *run, const char *tenant,
    struct buf *out);

/* --- what services are told and tell (service_json.c) --- */

/* A new reference each. */
json_t *service_value_json(struct run *run, const struct service_value *v);
/* What every request of a service begins with. */
json_t *service_request(struct run *run, const struct flow_service *service,
    const char *nonce);
json_t *message_request(struct run *run, const struct message_action *m,
    const char *nonce);
/* objects: those to be saved, deleted or loaded anew; may be NULL. */
json_t *data_request_json(struct run *run, const struct data_request *d,
    const json_t *objects);
/* Theirs, as we name them: a new list. */
json_t *objects_in(const struct flow *flow, const struct flow_type *type,
    const struct type_binding *binding, const json_t *objects);
/* Sets what the outputs of the action name. */
void take_outputs(struct run *run, const struct message_action *m,
    const json_t *outputs);

/* --- what an element does (act.c) --- */

enum act_end { ACT_DONE, ACT_WAIT, ACT_FAULT, ACT_SPENT };

enum act_end run_act(struct run *run);

/* Asks, and frees the bodies.  False: more than ASKS_MAX in this request, as
 * a flow that calls services in a circle would; then nobody was asked, and the
 * bodies are still the caller's. */
bool run_ask(struct run *run, struct ask *asks, size_t count);
/* Loads (load true), or else saves and deletes, until one fails; act_data.c. */
enum act_end run_act_on_data(struct run *run, bool load);

/* An answer that was waited for.  RUN_WAIT: there are more to come.  answer
 * NULL: it failed, and fault says why. */
enum run_end run_answered(struct run *run, const struct pending *pending,
    const json_t *answer, const char *fault);
void run_note_fault(struct run *run, const char *name,
    const char *sentence);
/* NULL: nobody waits for that any more. */
const struct pending *find_pending(const struct run *run, const char *nonce);
/* A wait that is over by now is ended: false if there is none. */
bool run_wait_is_over(const struct run *run);
enum run_end run_end_wait(struct run *run);

/* The user chooses an outcome of an element that is voted on: true once enough
 * have chosen the same.  Who votes again changes the vote. */
bool run_vote(struct run *run, const struct flow_outcome *outcome);
/* Whether the user has, and others have not yet. */
bool run_has_voted(const struct run *run);

/* A service's valueFaults (value_faults.c): kept as faults ... */
void run_take_value_faults(struct run *run, const struct message_action *m,
    const json_t *faults);
/* ... and, of a run that was given up, put on the page where the state still
 * is: on its inputs where it has them. */
void run_put_faults(struct run *run, const struct run *failed);

/* Between requests (wait.c). */
void wait_to_json(const struct run *run, json_t *json);
void wait_from_json(struct run *run, const json_t *json);

/* --- values (values.c) --- */

/* "" where nothing is; objects have no text. */
struct slice run_text(struct run *run, const struct value_ref *ref);
/* NULL where nothing is.  What is not the system's is good as long as the
 * run, $State as long as the run does not move. */
const json_t *run_objects(struct run *run, const struct value_ref *ref);
/* Of a list, the objects that the filter takes; as good as the run. */
const json_t *run_filtered(struct run *run, const json_t *list,
    const struct list_filter *filter);
/* In how many of all objects the property is this text. */
size_t run_count_equal(struct run *run, const struct value_ref *ref,
    struct slice text, size_t *of);
/* How many objects, or characters. */
size_t run_length(struct run *run, const struct value_ref *ref);
bool run_is_empty(struct run *run, const struct value_ref *ref);

/* Content that cannot be read as the value's type empties it. */
void run_set_text(struct run *run, const struct value_ref *ref,
    struct slice text);
void run_set_objects(struct run *run, const struct value_ref *ref,
    const json_t *objects);
void run_operate(struct run *run, const struct operation *op);
/* The operations that make values' first contents. */
void run_first_contents(struct run *run);

/* A reference to the whole of a value. */
struct value_ref ref_to(const struct flow_value *value);

/* Text for a page: {![Value]} and {![Value].[Property]} become what they
 * hold, escaped for HTML; nothing, beyond MERGED_BYTES_MAX. */
const char *run_merge(struct run *run, const char *text);

/* What a caller gives from outside: EngineValue[], by developerName or id;
 * only INPUT and INPUT_OUTPUT values take it.  *err says what is wrong. */
bool run_take_inputs(struct run *run, const json_t *list, struct err *err);

/* The same while the flow runs, by valueElementId as well; PUBLIC values
 * take it too, and others are refused. */
bool run_take_values(struct run *run, const json_t *list, struct err *err);

/* An EngineValue; a new reference. */
json_t *run_value_json(struct run *run, const struct flow_value *value);
/* OUTPUT and INPUT_OUTPUT values; a new reference. */
json_t *run_outputs(struct run *run);

/* --- steps (interpret.c) --- */

/* Whether a run stops at the element, for a user to act. */
bool shows_page(const struct map_element *e);

/* Whether it stands where who asks may not act (guard.c); may ask the
 * directory. */
bool run_is_guarded(struct run *run);
/* Whether who asks may begin the flow that it has come into. */
bool run_may_begin(struct run *run);
/* Where to log in; a new reference.  All null where nobody has to. */
json_t *run_authorization(struct run *run);
/* The directory of where it stands, of the flow, or of those that run it; NULL:
 * all are public. */
const struct flow_service *run_directory(const struct run *run);

/* type: of the left side. */
bool criterion_holds(enum criterion criterion, enum content_type type,
    struct slice left, struct slice right);

enum run_end {
	RUN_PAGE,			/* stands at a page */
	RUN_DONE,			/* over; maybe with a last page */
	RUN_STUCK,			/* a subflow cannot be run: no state to
					   keep */
	RUN_WAIT,			/* for somebody else, or for a time */
	RUN_FAULT,			/* a service failed, and the flow has no way
					   for that: no state to keep */
	RUN_ENDLESS,			/* no page after very many elements, or after
					   too much work: no state to keep */
};

/* Takes this outcome of where it stands, and goes on to the next page. */
enum run_end run_leave(struct run *run, const struct flow_outcome *by);
/* The same, but to this element, from wherever it stands. */
enum run_end run_go(struct run *run, const struct map_element *to);
/* The same by the first outcome that holds: from START. */
enum run_end run_begin(struct run *run);
/* On from an element that has acted, or failed to (act.c). */
enum run_end run_go_on(struct run *run, enum act_end end);

/* --- subflows (subflow.c) --- */

/* The flow that the state is of. */
const struct flow *run_root(const struct run *run);
/* From a SUBFLOW to the START of what it runs; false: stuck. */
bool run_descend(struct run *run);
/* Back to the SUBFLOW; false if there is none. */
bool run_ascend(struct run *run);
/* Defaults. */
struct cell *cells_new(struct arena *arena, const struct flow *flow);

/* --- navigation (navigation.c) --- */

/* A new reference each: what stands in other answers, and the whole. */
json_t *run_navigation_references(const struct run *run);
json_t *run_navigation(const struct run *run, const struct navigation *n);
/* Of where it stands; NULL: the item is as drawn. */
const struct item_override *find_override(const struct run *run,
    const struct navigation *n, const struct navigation_item *item);
/* NULL if there is none. */
const struct navigation *find_navigation(const struct flow *flow,
    const struct guid *guid);
const struct navigation_item *find_item(const struct navigation *n,
    const struct guid *guid);

/* --- conditions of the page (condition.c) --- */

/* Made anew whenever values have changed; conditions may set some. */
const struct page_view *run_view(struct run *run);
/* Whether the component, and all that it stands in, is shown. */
bool view_shows(const struct page_view *view, const struct page *page,
    const struct page_component *c);
/* Of its list, the rows that the page's filters leave. */
const json_t *view_rows(struct run *run, const struct page_component *c);

/* --- the page (page.c, input.c) --- */

/* Inputs of the page where it stands: EnginePageComponentInputResponse[]. */
void run_take_page(struct run *run, const json_t *list);
/* What is wrong with a component of the page. */
void run_note_invalid(struct run *run, size_t component,
    const char *message);
/* Fills run->invalid; true if all is well. */
bool run_check_page(struct run *run);

/* One of mapElementInvokeResponses, a new reference; not where the page is
 * guarded.  scaffold: with what
 * does not change while the player stays (not for SYNC). */
json_t *run_page(struct run *run, bool scaffold);

#endif
