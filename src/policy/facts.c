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
		[FACTS_BAD_TENANT] = "the tenant is no name",
	};

	must(end <= FACTS_BAD_TENANT);
	return texts[end];
}

/* p NULL where the field is missing or empty. */
static struct slice
value_of(const struct h1_head *head, enum field_id id)
{
	const struct h1_field *f = h1_field(head, id);

	return f != NULL && f->value.len > 0 ? f->value :
	    (struct slice){ NULL, 0 };
}

/* The tenant, p NULL if none is named; a head has the field once at most.
 * False for what is no name to us but could be one to an engine. */
static bool
facts_tenant(const struct h1_head *head, struct slice *tenant)
{
	struct id_key key;

	*tenant = value_of(head, FIELD_MANYWHO_TENANT);
	return tenant->p == NULL || id_key_from(&key, *tenant);
}

static void
read_sni(struct facts_read *read, struct slice sni)
{
	if (sni.p == NULL || !host_normalise(&read->facts.sni_host, sni,
	    read->sni))
		read->facts.sni_host = (struct slice){ NULL, 0 };
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
	read->facts = (struct facts){ .stale = source->stale,
	    .method = (uint8_t)head->method, .room = read->text,
	    .asked = source->asked };
	read->content_type = value_of(head, FIELD_CONTENT_TYPE);
	client_address_find(source->trust, &source->peer, source->peer_source,
	    head, &read->client);
	read->facts.client = read->client.addr;
	geo_table_expect(source->policy->geo, &read->facts.client);
	read_sni(read, source->sni);
	/* Mostly read already, when the head was. */
	if (head->host_is_normal)
		read->facts.host = head->host;
	else if (!host_normalise(&read->facts.host, head->host, read->host))
		return FACTS_BAD_HOST;
	read->verdict = target_normalise(&read->target, head->target,
	    read->path);
	if (read->verdict != TARGET_OK)
		return FACTS_BAD_TARGET;
	read->facts.path = read->target.path;
	if (!facts_tenant(head, &read->facts.tenant))
		return FACTS_BAD_TENANT;
	return peek_head(source->policy, read->target.query,
	    value_of(head, FIELD_MANYWHO_STATE), has_body(head),
	    &read->facts) == PEEK_MORE ? FACTS_NEED_BODY : FACTS_READY;
}
