/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The members are the platform's.  An edge knows flows by their ids: names and
 * versions are null, and so is what a request does not say.
 */
#include "edge/audit.h"

#include "base/clock.h"
#include "policy/path_class.h"

/* Whoever has not logged in; an edge cannot tell who has. */
#define PUBLIC_USER "52DF1A90-3826-4508-B7C2-CDE8AA5B72CF"

static void
text(struct buf *out, const char *name, struct slice value)
{
	buf_printf(out, "\"%s\":", name);
	if (value.len == 0)
		buf_text(out, "null");
	else
		buf_json(out, value);
}

/* Whose restriction it is: the tenant's, if that alone would refuse. */
static const char *
source_of(const struct decision *d)
{
	const struct restriction_pair *tenant = &d->restrictions.tenant;

	if (d->outcome == OUTCOME_EXECUTION_DENIED)
		return tenant->execution != NULL &&
		    d->restrictions.flow.execution == NULL ? "tenant" : "flow";
	return restriction_permits_place(tenant->access, d->hit.place) ?
	    "flow" : "tenant";
}

static void
write_event(struct buf *out, const struct edge_request *er,
    const struct facts *facts)
{
	const struct decision *d = &er->decision;
	uint64_t now_ms = (er->worker->unix_offset_us +
	    er->worker->loop->now_us) / 1000;
	struct slice state = { NULL, 0 }, value;
	char date[CLOCK_TEXT_MAX];

	if (flow_place_of(facts->path, &value) == STATE_IN_PATH)
		state = value;
	buf_text(out, "{\"type\":\"flow.restriction.denied\",");
	text(out, "id", slice_of(er->request_id));
	buf_printf(out, ",\"occurredAt\":\"%s\",\"tenant\":{",
	    clock_text(now_ms, date));
	text(out, "id", facts->tenant);
	buf_text(out, "},\"flow\":{");
	text(out, "id", facts->knowledge == FLOW_BY_ID ? facts->flow :
	    slice_of(d->restrictions.flow_id));
	buf_text(out, ",\"developerName\":null,\"version\":null},"
	    "\"state\":{");
	text(out, "id", state);
	buf_printf(out, "},\"user\":{\"id\":\"" PUBLIC_USER "\"},\"data\":{"
	    "\"source\":\"%s\",", source_of(d));
	text(out, "country", slice_of(country_code(d->hit.place.country)));
	buf_char(out, ',');
	text(out, "continent", slice_of(continent_code(
	    (enum continent)d->hit.place.continent)));
	buf_printf(out, ",\"restrictionType\":\"%s\"}}\n",
	    d->outcome == OUTCOME_ACCESS_DENIED ? "access" : "execution");
}

void
audit_denied(struct edge_request *er)
{
	struct log_sink *sink = er->plan->audit;
	struct buf line = { 0 };
	char *room;

	if (sink == NULL)
		return;
	write_event(&line, er, edge_request_facts(er));
	room = line.len > LOG_ROOM ? NULL :
	    log_sink_room(sink, er->worker->number);
	if (room != NULL) {
		memcpy(room, line.p, line.len);
		log_sink_added(sink, er->worker->number, line.len);
	}
	buf_fini(&line);
}
