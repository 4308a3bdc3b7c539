/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading checked structs out of JSON: every accessor says what is wrong and
 * where ("flow.json: mapElements[2].outcomes[0].id: is missing").  The first
 * mistake is kept; later calls may go on without harm.
 */
#ifndef ENGINE_READER_H
#define ENGINE_READER_H

#include <jansson.h>

#include "engine/flow.h"

#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))

enum { MEMBERS_MAX = 1000 };		/* of what one thing has many of */

/* Where in the document: a chain of callers' locals. */
struct where {
	const struct where *up;
	const char	*key;		/* NULL: an index */
	size_t		 index;
};

struct reader {
	struct arena	*arena;
	const char	*name;		/* of the document */
	struct err	*err;
	bool		 failed;
	struct flow	*flow;		/* being built */
	struct faults	*faults;	/* NULL: the first mistake is the last */
};

/* Always false. */
bool reader_fail(struct reader *r, const struct where *at, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Between two items of a list: whether to read on.  With faults a mistake is
 * noted there, and the next item gets its chance. */
bool reader_goes_on(struct reader *r);

/* The words of snapshots are the same in any case. */
static inline bool
is_word(const char *text, const char *word)
{
	return slice_eq_nocase(slice_of(text), slice_of(word));
}

/* Missing and null are the same everywhere.  NULL or the fallback where it is
 * not there; also after a mistake. */
const char *read_text(struct reader *r, const struct where *at,
    const json_t *object, const char *key);
const char *need_text(struct reader *r, const struct where *at,
    const json_t *object, const char *key);
bool read_bool(struct reader *r, const struct where *at, const json_t *object,
    const char *key, bool fallback);
int64_t read_integer(struct reader *r, const struct where *at,
    const json_t *object, const char *key, int64_t fallback);
/* A GUID that must be there; returns its text as it stands. */
const char *need_guid(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct guid *guid);
/* NULL if it is not there or empty; a list of something else is a mistake. */
const json_t *read_list(struct reader *r, const struct where *at,
    const json_t *object, const char *key, size_t most);
const json_t *read_object(struct reader *r, const struct where *at,
    const json_t *object, const char *key);

/* The parts of a snapshot, in the order they are read. */
bool read_types(struct reader *r, const json_t *root);
bool read_values(struct reader *r, const json_t *root);
/* Of a page whose parts are read. */
bool read_conditions(struct reader *r, const struct where *at,
    const json_t *json, struct page *page);
bool read_pages(struct reader *r, const json_t *root);
bool read_elements(struct reader *r, const json_t *root);
bool read_navigations(struct reader *r, const json_t *root);

/* Services, and the bindings of types to them. */
bool read_services(struct reader *r, const json_t *root);
/* An object's authorization; PUBLIC where there is none. */
bool read_auth(struct reader *r, const struct where *at, const json_t *json,
    struct flow_auth *auth);
/* What an element does beside its operations. */
bool read_data_actions(struct reader *r, const struct where *at,
    const json_t *json, struct map_element *e);
bool read_actions(struct reader *r, const struct where *at,
    const json_t *json, struct map_element *e);
/* Of an element whose lane is known. */
bool read_vote(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e);
/* Of an element, once all elements are there. */
bool read_overrides(struct reader *r, const struct where *at,
    struct map_element *e);
/* objectDataRequest; *request NULL if there is none. */
bool read_data_request(struct reader *r, const struct where *at,
    const json_t *json, const struct data_request **request);
/* By the id under key, which may be missing. */
bool read_service_ref(struct reader *r, const struct where *at,
    const json_t *json, const char *key, const struct flow_service **service);
/* By its serviceElementId, which may not. */
bool need_service(struct reader *r, const struct where *at,
    const json_t *json, const struct flow_service **service);
/* Names and values that go to a service, or come from it. */
enum service_way { SERVICE_SETTINGS, SERVICE_INPUTS, SERVICE_OUTPUTS };
bool read_service_values(struct reader *r, const struct where *at,
    const json_t *json, enum service_way way, struct service_value **values,
    size_t *count);

/* The system's are always there. */
size_t system_values(void);
void add_system_values(struct flow *flow);
const struct flow_type *find_type(const struct flow *flow,
    const struct guid *guid);

/* {id, typeElementPropertyId}: ref->value NULL if it is null or its id is.
 * *command gets its text or NULL, to be read by who asks. */
bool read_applied_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref,
    const char **command);
/* The same with a command that says what of the value is meant. */
bool read_value_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref);
/* GET_NEXT belongs to operations: only they move on. */
bool read_still_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref);
bool read_criterion(struct reader *r, const struct where *at,
    const json_t *json, const char *key, enum criterion *criterion);

bool read_comparison(struct reader *r, const struct where *at,
    const json_t *json, struct comparison *c, unsigned depth);
/* In their order, without disabled ones. */
bool read_operations(struct reader *r, const struct where *at,
    const json_t *json, const char *key, struct operation **operations,
    size_t *count);

#endif
