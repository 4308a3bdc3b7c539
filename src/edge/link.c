/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/link.h"

#include "base/must.h"
#include "edge/text.h"

/* --- the fields, a row each ------------------------------------------------ */

/* "192.0.2.1"; "- 10.0.0.1" of an unknown one behind that hop, "-" of whom
 * nothing is known. */
static void
write_client(struct buf *out, const struct link_facts *f)
{
	char text[ADDR_TEXT_MAX];

	buf_text(out, addr_text(&f->client, text));
	if (f->client.family != ADDR_NONE || f->nearest.family == ADDR_NONE)
		return;
	buf_char(out, ' ');
	buf_text(out, addr_text(&f->nearest, text));
}

static bool
read_client(struct link_facts *f, struct slice value)
{
	static const struct slice unknown = SLICE("- ");

	f->client = f->nearest = (struct addr){ .family = ADDR_NONE };
	if (slice_is(value, "-"))
		return true;
	if (slice_starts_nocase(value, unknown))
		return addr_parse(&f->nearest, (struct slice){
		    value.p + unknown.len, value.len - unknown.len });
	if (!addr_parse(&f->client, value))
		return false;
	f->nearest = f->client;
	return true;
}

static void
write_frontend(struct buf *out, const struct link_facts *f)
{
	buf_text(out, f->frontend);
}

static bool
copy(char *to, size_t cap, struct slice value)
{
	if (value.len == 0 || value.len >= cap)
		return false;
	memcpy(to, value.p, value.len);
	to[value.len] = '\0';
	return true;
}

static bool
read_frontend(struct link_facts *f, struct slice value)
{
	return copy(f->frontend, sizeof(f->frontend), value);
}

static void
write_decision(struct buf *out, const struct link_facts *f)
{
	buf_text(out, f->decided);
	buf_char(out, ' ');
	buf_u64(out, f->generation);
}

static bool
read_decision(struct link_facts *f, struct slice value)
{
	struct slice rest = value, region;

	return slice_split(&rest, ' ', &region) &&
	    copy(f->decided, sizeof(f->decided), region) &&
	    slice_to_u64(rest, &f->generation);
}

static void
write_request(struct buf *out, const struct link_facts *f)
{
	buf_text(out, f->request_id);
}

static bool
read_request(struct link_facts *f, struct slice value)
{
	return copy(f->request_id, sizeof(f->request_id), value);
}

/* "located GB EU", "located - EU", "private - -" */
static void
write_place(struct buf *out, const struct link_facts *f)
{
	const char *country = country_code(f->place.country);
	const char *continent = continent_code(f->place.continent);

	buf_text(out, place_class_name(f->place.class));
	buf_char(out, ' ');
	buf_text(out, country[0] == '\0' ? "-" : country);
	buf_char(out, ' ');
	buf_text(out, continent[0] == '\0' ? "-" : continent);
}

static bool
read_class(struct place *place, struct slice word)
{
	for (uint8_t i = PLACE_UNKNOWN; i <= PLACE_LOCATED; i++)
		if (slice_is(word, place_class_name(i))) {
			place->class = i;
			return true;
		}
	return false;
}

static bool
read_place(struct link_facts *f, struct slice value)
{
	struct slice rest = value, word;

	memset(&f->place, 0, sizeof(f->place));
	if (!slice_split(&rest, ' ', &word) || !read_class(&f->place, word) ||
	    !slice_split(&rest, ' ', &word))
		return false;
	if (!slice_is(word, "-")) {
		f->place.country = country_find(word);
		if (f->place.country == 0)
			return false;
	}
	if (slice_is(rest, "-"))
		return true;
	f->place.continent = continent_find(rest);
	return f->place.continent != CONTINENT_NONE;
}

/* "by-tag 1a2b3c", "by-id GUID", "unknown -" */
static void
write_flow(struct buf *out, const struct link_facts *f)
{
	buf_text(out, flow_knowledge_name(f->knowledge));
	if (f->knowledge == FLOW_BY_ID)
		buf_printf(out, " %s", f->flow);
	else if (f->knowledge == FLOW_BY_TAG || f->knowledge == FLOW_EXEMPT)
		buf_printf(out, " %u", f->tag);
	else
		buf_text(out, " -");
}

static bool
read_knowledge(struct link_facts *f, struct slice word)
{
	for (int i = FLOW_NOT_NEEDED; i <= FLOW_EXEMPT_UNKNOWN; i++)
		if (slice_is(word, flow_knowledge_name(i))) {
			f->knowledge = i;
			return true;
		}
	return false;
}

static bool
read_flow(struct link_facts *f, struct slice value)
{
	struct slice rest = value, word;
	uint64_t tag;

	if (!slice_split(&rest, ' ', &word) || !read_knowledge(f, word))
		return false;
	if (f->knowledge == FLOW_BY_ID)
		return copy(f->flow, sizeof(f->flow), rest);
	if (f->knowledge != FLOW_BY_TAG && f->knowledge != FLOW_EXEMPT)
		return slice_is(rest, "-");
	if (!slice_to_u64(rest, &tag) || tag > 0xffffff)
		return false;
	f->tag = (uint32_t)tag;
	return true;
}

static void
write_tenant(struct buf *out, const struct link_facts *f)
{
	buf_text(out, f->tenant[0] == '\0' ? "-" : f->tenant);
}

static bool
read_tenant(struct link_facts *f, struct slice value)
{
	return slice_is(value, "-") ||
	    copy(f->tenant, sizeof(f->tenant), value);
}

static void
write_restrictions(struct buf *out, const struct link_facts *f)
{
	buf_text(out, f->restrictions[0] == '\0' ? "-" : f->restrictions);
}

static bool
read_restrictions(struct link_facts *f, struct slice value)
{
	return copy(f->restrictions, sizeof(f->restrictions), value);
}

static const struct link_field {
	struct slice	 name;
	void		(*write)(struct buf *, const struct link_facts *);
	bool		(*read)(struct link_facts *, struct slice);
} fields[] = {
	{ SLICE("X-Portolan-Client"), write_client, read_client },
	{ SLICE("X-Portolan-Frontend"), write_frontend, read_frontend },
	{ SLICE("X-Portolan-Decision"), write_decision, read_decision },
	{ SLICE("X-Portolan-Request"), write_request, read_request },
	{ SLICE("X-Portolan-Place"), write_place, read_place },
	{ SLICE("X-Portolan-Flow"), write_flow, read_flow },
	{ SLICE("X-Portolan-Tenant"), write_tenant, read_tenant },
	{ SLICE("X-Portolan-Restrictions"), write_restrictions,
	    read_restrictions },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

void
link_write(struct buf *out, const struct link_facts *facts)
{
	for (size_t i = 0; i < FIELDS; i++) {
		buf_slice(out, fields[i].name);
		buf_add(out, ": ", 2);
		fields[i].write(out, facts);
		buf_add(out, "\r\n", 2);
	}
}

static const struct link_field *
field_of(struct slice name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (slice_eq_nocase(fields[i].name, name))
			return &fields[i];
	return NULL;
}

bool
link_read(struct link_facts *facts, const struct h1_head *head,
    const char **what)
{
	unsigned found = 0;

	memset(facts, 0, sizeof(*facts));
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];
		const struct link_field *row;

		if (f->id != FIELD_X_PORTOLAN)
			continue;
		row = field_of(f->name);
		if (row == NULL)
			continue;	/* of a newer edge */
		*what = row->name.p;
		if ((found & 1u << (row - fields)) != 0 ||
		    !row->read(facts, f->value))
			return false;
		found |= 1u << (row - fields);
	}
	for (size_t i = 0; i < FIELDS; i++)
		if ((found & 1u << i) == 0) {
			*what = fields[i].name.p;
			return false;
		}
	return true;
}

/* --- verification ---------------------------------------------------------- */

static const char *
host_disagrees(const struct policy *policy, const struct facts *facts,
    struct decision *d)
{
	struct host_hit host = hosts_find(policy->hosts, facts->host);

	d->host_kind = host.kind;
	switch (host.kind) {
	case HOST_UNKNOWN:
		return "the host is not served here";
	case HOST_REGIONAL:
		return host.region == policy->self ? NULL :
		    "the host belongs to another region";
	case HOST_MAIN:
		return policy->main == policy->self ? NULL :
		    "the host belongs to the main region";
	case HOST_GLOBAL:
		break;
	}
	return NULL;
}

static const char *
path_disagrees(const struct policy *policy, const struct facts *facts,
    struct decision *d)
{
	d->path_class = path_class_of(policy->paths, facts->path);
	if (d->path_class == PATH_AMBIGUOUS)
		return "the path is ambiguous";
	if (d->path_class == PATH_CENTRAL && d->host_kind != HOST_REGIONAL &&
	    policy->main != policy->self)
		return "the path belongs to the main region";
	return NULL;
}

static const char *
restrictions_disagree(const struct policy *policy, const struct facts *facts,
    struct decision *d)
{
	struct restriction_hit *hit = &d->restrictions;
	const struct region *self = &policy->map->regions[policy->self];
	bool exempt = facts->knowledge == FLOW_EXEMPT ||
	    facts->knowledge == FLOW_EXEMPT_UNKNOWN;

	if (d->path_class != PATH_RUNTIME)
		return NULL;
	*hit = decide_what_binds(policy->restrictions, facts);
	if (!restriction_permits_region(hit->tenant.execution, self) ||
	    !restriction_permits_region(hit->flow.execution, self))
		return "an execution restriction forbids this region";
	if (exempt)
		return NULL;
	if (!restriction_permits_place(hit->tenant.access, d->hit.place) ||
	    !restriction_permits_place(hit->flow.access, d->hit.place))
		return "an access restriction forbids the client's place";
	return NULL;
}

static const char *
names_disagree(const struct policy *policy, const struct link_facts *told,
    const char *certified)
{
	const struct region *self = &policy->map->regions[policy->self];

	if (region_find(policy->map, slice_of(told->frontend)) < 0)
		return "the frontend is no region";
	if (strcmp(told->frontend, certified) != 0)
		return "the peer's certificate names another region than the "
		    "frontend";
	if (strcmp(told->decided, self->id) != 0)
		return "the decision names another region";
	return NULL;
}

void
link_verify(const struct policy *policy, const struct link_facts *told,
    const struct facts *facts, const char *certified,
    struct decision *d, const char **disagreement)
{
	const char *why = names_disagree(policy, told, certified);

	memset(d, 0, sizeof(*d));
	d->hit.place = told->place;
	d->region = policy->self;
	if (why == NULL)
		why = host_disagrees(policy, facts, d);
	if (why == NULL)
		why = path_disagrees(policy, facts, d);
	if (why == NULL && facts->stale && d->path_class == PATH_RUNTIME) {
		d->outcome = OUTCOME_RESTRICTIONS_STALE;
		return;
	}
	if (why == NULL)
		why = restrictions_disagree(policy, facts, d);
	*disagreement = why;
	if (why != NULL) {
		d->outcome = OUTCOME_MISDIRECTED;
		return;
	}
	d->outcome = OUTCOME_FORWARD;
	region_set_add(&d->allowed, policy->self);
}

struct region_set
link_regions(const struct region_map *map, struct slice value)
{
	struct region_set set = { 0 };
	struct slice part, word;

	while (slice_split(&value, ',', &part))
		while (slice_split(&part, ' ', &word)) {
			int region = region_find(map, word);

			if (region >= 0)
				region_set_add(&set, (unsigned)region);
		}
	return set;
}
