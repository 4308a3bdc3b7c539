/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/restrictions_file.h"

#include "base/must.h"
#include "conf/file.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "policy/restriction_lists.h"

struct reading {
	struct schema_reader reader;
	struct restrictions_builder *builder;
};

/* One whitelist as the file says it. */
struct lists {
	bool		 enabled;
	struct restriction permitted;
	size_t		 codes;		/* in all lists */
	const struct yaml_node *europe;	/* EU among the continents */
};

/* A tenant or flow, and what it restricts. */
struct owner {
	struct reading	*reading;
	const char	*id;		/* of a tenant; NULL: not usable */
	struct restriction_pair pair;
};

/* null is the platform's way of writing no restriction. */
static bool
is_none(const struct yaml_node *node)
{
	return yaml_is_nothing(node) ||
	    (node->kind == YAML_LIST && node->count == 0);
}

/* --- codes ----------------------------------------------------------------------- */

static bool
check_code(enum restriction_list list, struct slice code, struct err *err)
{
	enum continent continent;
	enum union_id id;
	uint16_t country;

	switch (list) {
	case RESTRICTION_COUNTRIES:
		return value_country(&country, code, err);
	case RESTRICTION_CONTINENTS:
		return value_continent(&continent, code, err);
	default:
		return value_union(&id, code, err);
	}
}

/* EU is what people write who mean the Union, in whatever list. */
static void
explain_wrong_code(const struct schema_reader *reader,
    const struct yaml_node *node, enum restriction_list list,
    const struct err *err)
{
	if (list == RESTRICTION_COUNTRIES &&
	    slice_eq_nocase(node->text, SLICE("EU")))
		schema_mistake(reader, node, "'%s' is no country; write "
		    "unions: [EU] for the Union, continents: [EU] for the "
		    "continent", node->text.p);
	else
		schema_mistake(reader, node, "%s", err->text);
}

static void
read_codes(const struct schema_reader *reader, const struct yaml_node *node,
    struct lists *lists, enum restriction_list list)
{
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes);
	struct err err;

	for (size_t i = 0; i < n; i++) {
		lists->codes++;
		if (!check_code(list, nodes[i]->text, &err)) {
			explain_wrong_code(reader, nodes[i], list, &err);
			continue;
		}
		must(restriction_add_code(&lists->permitted, list,
		    nodes[i]->text, &err));
		if (list == RESTRICTION_CONTINENTS &&
		    slice_is(nodes[i]->text, "EU"))
			lists->europe = nodes[i];
	}
}

static void
read_countries(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	read_codes(reader, node, target, RESTRICTION_COUNTRIES);
}

static void
read_continents(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	read_codes(reader, node, target, RESTRICTION_CONTINENTS);
}

static void
read_unions(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	read_codes(reader, node, target, RESTRICTION_UNIONS);
}

static const struct schema_row list_rows[] = {
	{ "enabled", SCHEMA_BOOL, SCHEMA_AT(struct lists, enabled),
	    .required = true },
	{ "countries", SCHEMA_CUSTOM, .read = read_countries },
	{ "continents", SCHEMA_CUSTOM, .read = read_continents },
	{ "unions", SCHEMA_CUSTOM, .read = read_unions },
	{ 0 },
};

/* --- one restriction --------------------------------------------------------------- */

static const struct restriction *
read_restriction(const struct schema_reader *reader,
    const struct yaml_node *node)
{
	struct lists lists = { 0 };
	struct restriction *stored;

	if (is_none(node))
		return NULL;
	schema_read(reader, list_rows, node, &lists);
	if (!lists.enabled)
		return NULL;
	if (lists.codes == 0)
		schema_warn(reader, node, "enabled with empty lists permits "
		    "nobody");
	if (lists.europe != NULL && yaml_get(node, "unions") == NULL)
		schema_warn(reader, lists.europe, "the continent, 53 countries "
		    "with GB, RU and CH; write unions: [EU] if the European "
		    "Union is meant, or unions: [] beside it to say that it "
		    "is not");
	stored = arena_alloc(reader->arena, sizeof(*stored));
	*stored = lists.permitted;
	return stored;
}

static void
read_access(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct owner *owner = target;

	owner->pair.access = read_restriction(reader, node);
}

static void
read_execution(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct owner *owner = target;

	owner->pair.execution = read_restriction(reader, node);
}

static const struct schema_row pair_rows[] = {
	{ "access", SCHEMA_CUSTOM, .read = read_access },
	{ "execution", SCHEMA_CUSTOM, .read = read_execution },
	{ 0 },
};

static void
read_pair(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	if (!is_none(node))
		schema_read(reader, pair_rows, node, target);
}

/* --- flows and tenants ----------------------------------------------------------------- */

static void
add_owner(const struct owner *owner, const struct yaml_node *node,
    const char *tenant, const char *flow)
{
	if (!restrictions_add(owner->reading->builder, tenant, flow,
	    owner->pair))
		schema_key_mistake(&owner->reading->reader, node,
		    "given twice; ids compare without case");
}

static const struct schema_row flow_rows[] = {
	{ "restrictions", SCHEMA_CUSTOM, .read = read_pair },
	{ 0 },
};

static bool
is_guid(const struct schema_reader *reader, const struct yaml_node *node)
{
	struct err err;

	if (value_guid(slice_of(node->key), &err))
		return true;
	schema_key_mistake(reader, node, "%s", err.text);
	return false;
}

static void
read_flows(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct owner *tenant = target;

	if (is_none(node) || !schema_is_map(reader, node))
		return;
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		struct owner flow = { .reading = tenant->reading };
		bool named = is_guid(reader, n);

		schema_read(reader, flow_rows, n, &flow);
		if (named && tenant->id != NULL)
			add_owner(&flow, n, tenant->id, n->key);
	}
}

static void
read_tenant_pair(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	static const struct schema_row rows[] = {
		{ "flowRestrictions", SCHEMA_CUSTOM, .read = read_pair },
		{ 0 },
	};

	if (yaml_get(node, "access") != NULL ||
	    yaml_get(node, "execution") != NULL)
		schema_mistake(reader, node, "a tenant's restrictions stand "
		    "one level deeper, under flowRestrictions");
	else if (!is_none(node))
		schema_read(reader, rows, node, target);
}

static const struct schema_row tenant_rows[] = {
	{ "restrictions", SCHEMA_CUSTOM, .read = read_tenant_pair },
	{ "flows", SCHEMA_CUSTOM, .read = read_flows },
	{ 0 },
};

static void
read_tenants(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct reading *r = target;

	if (!schema_is_map(reader, node))
		return;
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		struct owner tenant = { .reading = r };

		tenant.id = is_guid(reader, n) ? n->key : NULL;
		schema_read(reader, tenant_rows, n, &tenant);
		if (tenant.id != NULL)
			add_owner(&tenant, n, tenant.id, NULL);
	}
}

static const struct schema_row rows[] = {
	{ "version", SCHEMA_CUSTOM, .read = schema_read_version,
	    .required = true },
	{ "tenants", SCHEMA_CUSTOM, .read = read_tenants, .required = true },
	{ 0 },
};

static const struct restrictions *
from_tree(struct arena *arena, const struct yaml_node *root,
    const uint8_t tag_key[16], uint64_t revision, struct mistakes *mistakes)
{
	struct reading r = { .reader = { arena, mistakes, ".", NULL },
	    .builder = restrictions_begin(arena, tag_key) };

	if (root != NULL)
		schema_read(&r.reader, rows, root, &r);
	return restrictions_build(r.builder, revision);
}

const struct restrictions *
restrictions_file_load(struct arena *arena, const char *file,
    const uint8_t tag_key[16], uint64_t revision, struct mistakes *mistakes)
{
	const struct yaml_node *root = file == NULL ? NULL :
	    yaml_read(arena, file, mistakes);

	return from_tree(arena, root, tag_key, revision, mistakes);
}

const struct restrictions *
restrictions_file_parse(struct arena *arena, const char *file,
    struct slice bytes, const uint8_t tag_key[16], uint64_t revision,
    struct mistakes *mistakes)
{
	return from_tree(arena, yaml_parse(arena, file, bytes, mistakes),
	    tag_key, revision, mistakes);
}
