/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A flow: the platform's snapshot JSON, checked once when it is read, so that
 * nothing that runs it has to doubt a reference.  Immutable afterwards.
 *
 * A snapshot that needs more than is known here is refused with a sentence that
 * names the place: a flow that silently does less than it was drawn to do is
 * worse than none.
 */
#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/content.h"
#include "policy/guid.h"
#include "policy/restrictions.h"

enum {
	SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024,
	COMPARISON_DEPTH_MAX = 16,
	CONTAINER_DEPTH_MAX = 16,
	NAVIGATION_DEPTH_MAX = 16,
};

struct guid {
	uint8_t		 bytes[16];
};

enum element_type {
	ELEMENT_START, ELEMENT_STEP, ELEMENT_INPUT, ELEMENT_DECISION,
	ELEMENT_OPERATOR,		/* and PROCESS, of which no more is public */
	ELEMENT_MODAL,			/* an INPUT shown above the last page */
	ELEMENT_SUBFLOW,		/* runs another flow, and goes on */
	ELEMENT_RETURN,			/* to the flow that runs this one */
	ELEMENT_MESSAGE,		/* calls services */
	ELEMENT_LOAD, ELEMENT_SAVE, ELEMENT_DELETE,	/* of services' data */
	ELEMENT_WAIT			/* until a time, or until a service calls */
};

/* What an object is made of. */
struct type_property {
	struct guid	 guid;
	const char	*id, *name;
	enum content_type type;
	struct guid	 kind;		/* of objects in it, if it has one */
	bool		 has_kind;
};

/* Where objects of a type are kept by a service: its names for them. */
struct field_binding {
	const struct type_property *property;
	const char	*field;
};

struct type_binding {
	struct guid	 guid;
	const char	*id, *table;
	const struct flow_service *service;
	struct field_binding *fields;
	size_t		 nfields;
};

struct flow_type {
	struct guid	 guid;
	const char	*id, *name;
	struct type_property *properties;
	size_t		 nproperties;
	struct type_binding *bindings;
	size_t		 nbindings;
};

/* Values that stand in no snapshot: their content is made when it is read
 * (system.c). */
enum system_value {
	SYSTEM_NONE, SYSTEM_TRUE, SYSTEM_FALSE, SYSTEM_USER, SYSTEM_LOCATION,
	SYSTEM_STATE, SYSTEM_JOIN_URI,
	SYSTEM_VALUES
};

/* Who may give a value from outside, and see it. */
enum value_access {
	VALUE_PRIVATE, VALUE_INPUT, VALUE_OUTPUT, VALUE_INPUT_OUTPUT,
	VALUE_PUBLIC
};

struct flow_value {
	struct guid	 guid;
	const char	*id, *name;
	enum content_type type;
	enum value_access access;
	bool		 fixed;		/* a constant */
	enum system_value system;
	const struct flow_type *kind;	/* of objects and lists, or NULL */
	const char	*default_text;	/* NULL: none */
	const json_t	*default_objects;	/* array, or NULL */
	struct operation *operations;	/* that make its first content */
	size_t		 noperations;
	size_t		 index;		/* in flow->values */
};

/* What of a value is meant. */
enum ref_command {
	REF_VALUE,			/* the whole of it */
	REF_FIRST,			/* of a list: its first object */
	REF_NEXT,			/* the one after the last that was got */
	REF_LENGTH,			/* how many objects, or characters */
	REF_FILTER,			/* of a list: the objects that match */
};

/* A value, or one property of the object in it.  Of a list, that is its
 * first object. */
struct value_ref {
	const struct flow_value *value;	/* NULL: none given */
	const char	*property;	/* typeElementPropertyId; NULL: the whole */
	const struct type_property *is;	/* the property, if its type is known */
	enum content_type type;		/* of what is meant */
	enum ref_command command;
	const struct list_filter *filter;	/* of REF_FILTER */
};

enum criterion {
	CRITERION_EQUAL, CRITERION_NOT_EQUAL, CRITERION_GREATER_THAN,
	CRITERION_GREATER_THAN_OR_EQUAL, CRITERION_LESS_THAN,
	CRITERION_LESS_THAN_OR_EQUAL, CRITERION_CONTAINS,
	CRITERION_STARTS_WITH, CRITERION_ENDS_WITH, CRITERION_IS_EMPTY,
	/* Of a property in every object of a list; of an empty one, neither. */
	CRITERION_ALL_EQUAL, CRITERION_ANY_EQUAL
};

struct rule {
	struct value_ref left, right;
	enum criterion	 criterion;
};

/*
 * {command: "FILTER", properties: {COLUMN, CRITERIA, VALUE}}: the objects whose
 * property (by id or name) compares so with the text.
 */
struct list_filter {
	const char	*column;
	enum criterion	 criterion;
	const char	*text;
};

/* A value that a service is given, or gives, under a name of its own. */
struct service_value {
	const char	*name;
	enum content_type type;
	struct value_ref value;		/* value NULL: nothing */
};

/* Somebody elsewhere who does things for flows. */
struct flow_service {
	struct guid	 guid;
	const char	*id, *name, *uri;
	struct service_value *settings;	/* configurationValues */
	size_t		 nsettings;
};

struct message_action {
	const char	*id, *name;
	const struct flow_service *service;
	const char	*path;		/* below the service's address, "/..." */
	struct service_value *inputs, *outputs;
	size_t		 ninputs, noutputs;
	int64_t		 order;		/* those with the same are called at once */
	const json_t	*attributes;	/* object, or NULL */
};

/* Which objects a service is asked for. */
struct data_where {
	const char	*column;	/* the service's name of it */
	const char	*criterion;
	struct value_ref value;
};

struct data_request {
	const struct flow_type *type;
	const struct type_binding *binding;
	bool		 any;		/* OR */
	struct data_where *where;
	size_t		 nwhere;
	struct value_ref by_id;
	const char	*order_by, *direction;
	int64_t		 limit;
	bool		 by_objects;	/* those that the value holds, anew */
	const json_t	*command;
};

enum data_kind { DATA_LOAD, DATA_SAVE, DATA_DELETE };

struct data_action {
	enum data_kind	 kind;
	const char	*name;
	const struct data_request *request;
	struct value_ref to, from;
	bool		 smart;		/* only what has changed */
	int64_t		 order;
};

/* Asks a service to tell of changes of a value. */
struct flow_listener {
	const char	*name, *kind;
	const struct flow_service *service;
	struct value_ref value;
	const json_t	*attributes;
};

/* Who may run a flow, or act in a lane of it. */
struct flow_auth {
	enum { AUTH_PUBLIC, AUTH_ALL_USERS, AUTH_SPECIFIED } kind;
	const struct flow_service *service;	/* which users log in to; NULL:
						   none, so nobody may */
	const json_t	*json;		/* as drawn: users, groups */
};

/* How many users must choose the same outcome. */
struct flow_vote {
	bool		 percent;	/* of those who are named */
	int64_t		 least;
	size_t		 of;
};

/* Until when an element waits. */
struct flow_wait {
	int64_t		 seconds;	/* from entering; 0: the value says */
	struct value_ref until;		/* a date; value NULL: a callback */
	const char	*message;
};

/* Where a navigation's item leads, and how it looks, while a run stands at an
 * element. */
struct item_override {
	struct guid	 navigation, item;
	bool		 enabled, visible;
	const struct map_element *to;	/* NULL: as drawn */
};

/* Rules and nested comparisons are members of one AND or OR. */
struct comparison {
	bool		 any;		/* OR */
	struct rule	*rules;
	size_t		 nrules;
	struct comparison *nested;
	size_t		 nnested;
};

/* Whether inputs of the page are kept, and have to be complete. */
enum outcome_binding { BINDING_SAVE, BINDING_NO_SAVE, BINDING_PARTIAL_SAVE };

/* Where an outcome leads that leaves the flow: another flow, or a state that
 * is there already. */
struct flow_out {
	struct guid	 flow;		/* if neither value is given */
	struct value_ref flow_value, state_value;
};

struct flow_outcome {
	struct guid	 guid;
	const char	*id, *name, *label;
	int64_t		 order;
	enum outcome_binding binding;
	bool		 reserved;	/* after a fault, or to debug: never
					   taken by itself, never shown */
	bool		 faults;	/* where a service that failed leads */
	const struct map_element *next;	/* NULL: out */
	const struct flow_out *out;
	const struct comparison *comparison;	/* NULL: always */
	const json_t	*json;		/* what only the player reads */
};

enum operation_command {
	OPERATION_SET, OPERATION_EMPTY, OPERATION_ADD, OPERATION_NEW,
	OPERATION_REMOVE,		/* from a list; or subtract */
	OPERATION_DETACH,		/* forget who it was elsewhere */
};

struct operation {
	enum operation_command command;
	struct value_ref to;
	struct value_ref from;		/* value NULL for EMPTY, NEW, DETACH */
	int64_t		 order;
};

struct page_container {
	struct guid	 guid;
	size_t		 index;		/* in the page, however nested */
	const struct page_container *in;	/* NULL: in the page itself */
	const char	*id, *name, *kind, *label;
	int64_t		 order;
	struct page_container *children;
	size_t		 nchildren;
	const json_t	*json;
};

struct page_component {
	struct guid	 guid;
	const char	*id, *name, *kind;
	const struct page_container *in;
	const char	*content;	/* HTML with {![Value]} */
	struct value_ref binding;	/* where the input goes */
	struct value_ref list;		/* what it shows */
	enum content_type type;
	bool		 required, editable;
	bool		 has_events;	/* a condition looks at it */
	bool		 edits_rows;	/* cells of its columns are inputs */
	const struct data_request *data;	/* the player asks for, page by page */
	const struct flow_service *files;	/* of a list of files; or NULL */
	const json_t	*json;
};

/* What of a component or container a condition reads or sets. */
enum page_aspect {
	ASPECT_VALUE, ASPECT_VISIBLE, ASPECT_ENABLED, ASPECT_EDITABLE,
	ASPECT_REQUIRED
};

/* A value (of the flow, or where a component's input goes), or a mark. */
struct page_operand {
	enum page_aspect aspect;
	const struct page_component *component;	/* NULL: the next, or none */
	const struct page_container *container;
	struct value_ref value;		/* of ASPECT_VALUE; value NULL: nothing */
};

struct page_rule {
	struct page_operand left, right;
	enum criterion	 criterion;
};

/* Of the rows that a component shows, those whose property compares so with
 * what another part holds. */
struct page_filter {
	const struct page_component *component;
	const char	*column;
	enum criterion	 criterion;
	struct page_operand with;
};

struct page_operation {
	bool		 assigns;	/* to and from are there */
	struct page_operand to, from;
	const struct page_filter *filter;	/* NULL: none */
};

struct page_condition {
	bool		 any;		/* OR */
	struct page_rule *rules;
	size_t		 nrules;
	struct page_operation *operations;
	size_t		 noperations;
};

struct page {
	struct guid	 guid;
	const char	*id, *label;
	struct page_container *containers;
	size_t		 ncontainers;	/* at the top ... */
	size_t		 nparts;	/* ... and all of them */
	struct page_component *components;
	size_t		 ncomponents;
	struct page_condition *conditions;
	size_t		 nconditions;
	bool		 stops;		/* at the first condition that holds */
	const json_t	*json;
};

/* A value that is given to a subflow, or back from it, as the access of the
 * value in there says. */
struct subflow_argument {
	struct guid	 inside;
	struct value_ref outside;
};

/* Which flow it is turns out when it is run: it need not be here. */
struct subflow {
	struct guid	 flow, version;
	bool		 has_version;	/* else the default one */
	struct subflow_argument *arguments;
	size_t		 narguments;
};

struct map_element {
	struct guid	 guid;
	const char	*id, *name, *label;
	enum element_type type;
	struct flow_outcome	*outcomes;	/* in their order */
	size_t		 noutcomes;
	struct operation *operations;	/* in their order, without disabled ones */
	size_t		 noperations;
	struct flow_auth auth;		/* of the lane it stands in */
	const char	*not_allowed;	/* what they are told; NULL: nothing */
	const struct page *page;	/* of an INPUT or MODAL */
	const char	*user_content;	/* of a STEP */
	/* All in their order, without disabled ones. */
	struct message_action *messages;
	size_t		 nmessages;
	struct data_action *data;
	size_t		 ndata;
	struct flow_listener *listeners;
	size_t		 nlisteners;
	struct item_override *overrides;
	size_t		 noverrides;
	const struct flow_vote *vote;	/* NULL: one is enough */
	const struct flow_wait *wait;
	const struct subflow *subflow;	/* of a SUBFLOW */
	const json_t	*json;
};

struct navigation_item {
	struct guid	 guid;
	const char	*id, *name, *label;
	int64_t		 order;
	const struct map_element *to;	/* NULL: a heading */
	struct navigation_item *children;
	size_t		 nchildren;
	const json_t	*json;
};

struct navigation {
	struct guid	 guid;
	const char	*id, *name, *label;
	struct navigation_item *items;
	size_t		 nitems;
	const json_t	*json;
};

struct flow {
	const char	*id, *version, *name;
	struct guid	 guid, version_guid;
	bool		 is_default;
	bool		 jumps;		/* allowJumping: to any element */
	bool		 goes_back;	/* enableHistoricalNavigation */
	struct navigation *navigations;
	size_t		 nnavigations;
	const json_t	*json;
	const struct map_element *start;
	struct map_element *elements;
	size_t		 nelements;
	struct page	*pages;
	size_t		 npages;
	struct flow_type *types;	/* the system's first */
	size_t		 ntypes;
	struct flow_value *values;	/* the system's first */
	size_t		 nvalues;
	struct flow_service *services;
	size_t		 nservices;
	struct flow_auth auth;
	int64_t		 expires_s;	/* stateExpirationLength: since its beginning;
					   0: never */
	int64_t		 idle_s;	/* idleStateExpirationLength: since its last
					   change; 0: never */
	struct restriction_pair restrictions;	/* its own */
};

/*
 * Reads a snapshot; name is for messages.  The flow lives in arena; json must
 * live as long.  NULL with *err saying "name: mapElements[2].id: sentence".
 */
const struct flow *flow_build(struct arena *arena, const json_t *json,
    const char *name, struct err *err);

/* Everything that is wrong with a snapshot, as a text for its author: of each
 * part of it the first mistake, FAULTS_MAX in all. */
enum { FAULTS_MAX = 100 };

struct faults {
	size_t		 count;
	struct buf	 text;
};

/* Whether flow_build() would take it; faults begin zeroed. */
bool flow_check(struct arena *arena, const json_t *json,
    struct faults *faults);

/* NULL if there is none. */
const struct map_element *flow_element(const struct flow *flow,
    const struct guid *guid);
const struct flow_value *flow_value_named(const struct flow *flow,
    struct slice name);

/* Its globalAuthenticationType. */
const char *flow_auth_kind(const struct flow_auth *auth);

/* Any spelling of a GUID; false if text is none or NULL. */
bool guid_of(struct guid *guid, const char *text);
bool guid_eq(const struct guid *a, const struct guid *b);

/*
 * All snapshots of a directory, and whoever else knows flows: asked first, he
 * may wait, and what he finds lives as long as he says.
 */
struct flows {
	struct arena	*arena;
	const struct flow **list;	/* by their files' names */
	json_t		**documents;	/* that they point into */
	size_t		 count;
	const struct flow *(*find)(void *arg, const struct guid *id,
	    const struct guid *version);	/* NULL: nobody else */
	const struct flow *(*find_named)(void *arg, struct slice name);
	void		*arg;
};

/*
 * Reads every *.json in dir.  A bad one is told by complain() and left out;
 * *bad counts them.  NULL with *err if the directory cannot be read.
 */
struct flows *flows_load(const char *dir, void (*complain)(const char *),
    size_t *bad, struct err *err);
void flows_free(struct flows **flows);
size_t flows_count(const struct flows *flows);

/* version NULL: the default one, or else the last by its file's name. */
const struct flow *flows_find(const struct flows *flows,
    const struct guid *id, const struct guid *version);
/* By developerName, of whatever case: the version as above. */
const struct flow *flows_named(const struct flows *flows, struct slice name);
/* By its place in 0 .. flows_count(). */
const struct flow *flows_at(const struct flows *flows, size_t i);

#endif
