/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A flow: the platform's snapshot JSON, checked once when it is read, so that
 * nothing that runs it has to doubt a reference.  Immutable afterwards.
 *
 * Of map elements, START, STEP, INPUT, DECISION and OPERATOR are known.  A
 * snapshot that needs more is refused with a sentence that names the place:
 * a flow that silently does less than it was drawn to do is worse than none.
 */
#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/content.h"
#include "policy/guid.h"
#include "policy/restrictions.h"

enum {
	SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024,
	COMPARISON_DEPTH_MAX = 16,
	CONTAINER_DEPTH_MAX = 16,
};

struct guid {
	uint8_t		 bytes[16];
};

enum element_type {
	ELEMENT_START, ELEMENT_STEP, ELEMENT_INPUT, ELEMENT_DECISION,
	ELEMENT_OPERATOR
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
	const char	*type_element;	/* of objects and lists, or NULL */
	const char	*default_text;	/* NULL: none */
	const json_t	*default_objects;	/* array, or NULL */
	size_t		 index;		/* in flow->values */
};

/* A value, or one property of the object in it. */
struct value_ref {
	const struct flow_value *value;	/* NULL: none given */
	const char	*property;	/* typeElementPropertyId; NULL: the whole */
	enum content_type type;		/* of what is meant */
};

enum criterion {
	CRITERION_EQUAL, CRITERION_NOT_EQUAL, CRITERION_GREATER_THAN,
	CRITERION_GREATER_THAN_OR_EQUAL, CRITERION_LESS_THAN,
	CRITERION_LESS_THAN_OR_EQUAL, CRITERION_CONTAINS,
	CRITERION_STARTS_WITH, CRITERION_ENDS_WITH, CRITERION_IS_EMPTY
};

struct rule {
	struct value_ref left, right;
	enum criterion	 criterion;
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

struct flow_outcome {
	struct guid	 guid;
	const char	*id, *name, *label;
	int64_t		 order;
	enum outcome_binding binding;
	const struct map_element *next;
	const struct comparison *comparison;	/* NULL: always */
	const json_t	*json;		/* what only the player reads */
};

enum operation_command { OPERATION_SET, OPERATION_EMPTY, OPERATION_ADD,
    OPERATION_NEW };

struct operation {
	enum operation_command command;
	struct value_ref to;
	struct value_ref from;		/* value NULL for EMPTY and NEW */
	bool		 length;	/* how many objects, not the objects */
	int64_t		 order;
};

struct page_container {
	const char	*id, *name, *kind, *label;
	int64_t		 order;
	struct page_container *children;
	size_t		 nchildren;
	const json_t	*json;
};

struct page_component {
	struct guid	 guid;
	const char	*id, *name, *kind, *container;
	const char	*content;	/* HTML with {![Value]} */
	struct value_ref binding;	/* where the input goes */
	struct value_ref list;		/* what it shows */
	enum content_type type;
	bool		 required, editable;
	const json_t	*json;
};

struct page {
	struct guid	 guid;
	const char	*id, *label;
	struct page_container *containers;
	size_t		 ncontainers;
	struct page_component *components;
	size_t		 ncomponents;
	const json_t	*json;
};

struct map_element {
	struct guid	 guid;
	const char	*id, *name, *label;
	enum element_type type;
	struct flow_outcome	*outcomes;	/* in their order */
	size_t		 noutcomes;
	struct operation *operations;	/* in their order, without disabled ones */
	size_t		 noperations;
	const struct page *page;	/* of an INPUT */
	const char	*user_content;	/* of a STEP */
	const json_t	*json;
};

struct flow {
	const char	*id, *version, *name;
	struct guid	 guid, version_guid;
	bool		 is_default;
	const struct map_element *start;
	struct map_element *elements;
	size_t		 nelements;
	struct page	*pages;
	size_t		 npages;
	struct flow_value *values;	/* the system's first */
	size_t		 nvalues;
	int64_t		 expires_s;	/* stateExpirationLength; 0: never */
	struct restriction_pair restrictions;	/* its own */
};

/*
 * Reads a snapshot; name is for messages.  The flow lives in arena; json must
 * live as long.  NULL with *err saying "name: mapElements[2].id: sentence".
 */
const struct flow *flow_build(struct arena *arena, const json_t *json,
    const char *name, struct err *err);

/* NULL if there is none. */
const struct map_element *flow_element(const struct flow *flow,
    const struct guid *guid);
const struct flow_value *flow_value_named(const struct flow *flow,
    struct slice name);

/* Any spelling of a GUID; false if text is none or NULL. */
bool guid_of(struct guid *guid, const char *text);
bool guid_eq(const struct guid *a, const struct guid *b);

/* All snapshots of a directory. */
struct flows;

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

#endif
