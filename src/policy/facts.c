/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/facts.h"

#include "base/must.h"
#include "policy/guid.h"

const char *
facts_end_text(enum facts_end end)
{
	static const char *const texts[] = {
		[FACTS_READY] = "ready",
		[FACTS_NEED_BODY] = "the body must be read",
		[FACTS_BAD_HOST] = "the host name is malformed",
		[FACTS_BAD_TARGET] = "the path can be read in two ways",
		[FACTS_BAD_TENANT] = "the tenant is no usable name, or there "
		    "are several",
	};

	must(end <= FACTS_BAD_TENANT);
	return texts[end];
}

/* The value of all fields with this id, p NULL if there is none or it is
 * empty; false if they differ. */
static bool
sole_value(const struct h1_head *head, enum field_id id, struct slice *value)
{
	const struct h1_field *first = h1_field(head, id);

	*value = (struct slice){ NULL, 0 };
	if (first == NULL)
		return true;
	for (uint16_t i = 0; i < head->nfields; i++)
		if (head->fields[i].id == id &&
		    !slice_eq(head->fields[i].value, first->value))
			return false;
	if (first->value.len > 0)
		*value = first->value;
	return true;
}

static void
read_sni(struct facts_read *read, struct slice sni)
{
	if (sni.p == NULL || !host_normalise(&read->facts.sni_host, sni,
	    read->sni))
		read->facts.sni_host = (struct slice){ NULL, 0 };
}

/* What is no name to us could be one to an engine, which then finds a tenant
 * whose restrictions we did not look up. */
static bool
read_tenant(struct facts *facts, const struct h1_head *head)
{
	struct id_key key;

	return sole_value(head, FIELD_MANYWHO_TENANT, &facts->tenant) &&
	    (facts->tenant.p == NULL || id_key_from(&key, facts->tenant));
}

static bool
has_body(const struct h1_head *head)
{
	return head->framing == H1_CHUNKED || head->framing == H1_UNTIL_CLOSE ||
	    (head->framing == H1_LENGTH && head->content_length > 0);
}

enum facts_end
facts_from_head(const struct facts_source *source, const struct h1_head *head,
    struct facts_read *read)
{
	const struct h1_field *type = h1_field(head, FIELD_CONTENT_TYPE);
	struct slice state;

	read->facts = (struct facts){ .stale = source->stale,
	    .method = (uint8_t)head->method, .room = read->text };
	read->content_type = type != NULL ? type->value :
	    (struct slice){ NULL, 0 };
	client_address_find(source->trust, &source->peer, source->peer_source,
	    head, &read->client);
	read->facts.client = read->client.addr;
	read_sni(read, source->sni);
	if (!host_normalise(&read->facts.host, head->host, read->host))
		return FACTS_BAD_HOST;
	read->verdict = target_normalise(&read->target, head->target,
	    read->path);
	if (read->verdict != TARGET_OK)
		return FACTS_BAD_TARGET;
	read->facts.path = read->target.path;
	if (!read_tenant(&read->facts, head))
		return FACTS_BAD_TENANT;
	if (!sole_value(head, FIELD_MANYWHO_STATE, &state))
		state = (struct slice){ NULL, 0 };
	return peek_head(source->policy, read->target.query, state,
	    has_body(head), &read->facts) == PEEK_MORE ? FACTS_NEED_BODY :
	    FACTS_READY;
}
