/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The front of the upstream's head, while the client's is there: the fields
 * that pass, and which way the request came.
 */
#include "base/put.h"
#include "edge/cors.h"
#include "edge/spans.h"
#include "edge/upstream_head.h"

static enum step_end
answer_preflight(struct edge_request *er)
{
	struct buf *fields = &er->worker->fields;
	struct answer answer = { .status = 204, .length = -1,
	    .no_body = true };

	buf_clear(fields);
	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->frontend));
	cors_write(fields, request_text(er, er->origin));
	cors_write_preflight(fields, er->request->head);
	answer.fields = buf_all(fields);
	er->status = 204;
	er->rule = "preflight";
	er->ended = true;
	request_answer(er->request, &answer, (struct slice){ NULL, 0 }, true);
	return STEP_WAIT;
}

/*
 * A trusted peer that ends TLS before us knows better which way the client
 * came.  It may pass on what a client made up, though: what makes no sense
 * here is not believed.
 */
static struct slice
trusted_word(const struct edge_request *er, enum field_id id)
{
	const struct h1_field *f = er->client.peer_trusted ?
	    h1_field(er->request->head, id) : NULL;

	return f == NULL ? (struct slice){ NULL, 0 } : f->value;
}

static struct slice
forwarded_proto(const struct edge_request *er)
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_PROTO);

	if (slice_is(said, "https") || slice_is(said, "http"))
		return said;
	return er->listening->tls ? SLICE("https") : SLICE("http");
}

static struct slice
forwarded_host(const struct edge_request *er)
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_HOST), host;
	char text[256];

	if (said.len > 0 && host_normalise(&host, said, text) &&
	    hosts_find(er->plan->generation->policy.hosts, host).kind !=
	    HOST_UNKNOWN)
		return said;
	return er->request->head->host;
}

static struct slice
forwarded_port(const struct edge_request *er, char text[PUT_U64_MAX])
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_PORT);
	const struct serve_proxy *proxy = request_proxy(er->request);
	uint64_t n;

	if (said.len > 0 && slice_to_u64(said, &n) && n > 0 &&
	    n <= UINT16_MAX)
		return said;
	if (proxy == NULL)
		return slice_of(er->listening->port);
	return (struct slice){ text, (size_t)(put_u64(text,
	    proxy->destination_port) - text) };
}

/* For Client-Cert, where the listener says so. */
static struct slice
passed_certificate(const struct edge_request *er)
{
	const struct tls_peer *peer = edge_request_certificate(er);
	const struct config *config = er->plan->config;

	for (size_t i = 0; peer != NULL && i < config->nlisteners; i++)
		if (er->plan->listening[i] == er->listening)
			return config->listeners[i].pass_certificate ?
			    peer->field : (struct slice){ NULL, 0 };
	return (struct slice){ NULL, 0 };
}

enum step_end
step_compose(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;
	char span_id[16], port[PUT_U64_MAX];
	struct head_front front = {
		.head = head,
		.peer = &er->peer,
		.trusted = er->client.peer_trusted,
		.link = er->over_link,
		.proto = forwarded_proto(er), .host = forwarded_host(er),
		.port = forwarded_port(er, port),
		.tls = er->listening->tls,
		.forwarded = er->plan->config->send_forwarded,
		.hash_key = er->plan->config->hide_clients ?
		    er->plan->config->address_key : NULL,
		.client = &er->client.addr,
		.via = er->plan->via[er->request->major == 2 ? 2 :
		    er->request->minor],
		.pseudonym = er->plan->pseudonym,
		.request_id = slice_of(er->request_id),
		.span_id = span_id, .trace_id = er->trace_id,
		.recorded = er->spans != NULL,
		.certificate = passed_certificate(er),
		.keeps_state = er->spans != NULL ? er->spans->keeps_state :
		    head->by[FIELD_TRACEPARENT] >= 0,
	};

	if (er->cors && !er->over_link && cors_is_preflight(head))
		return answer_preflight(er);
	er->ends_here = head->forwards == 1;
	ids_hex64(ids_next(&er->worker->ids) | 1, span_id);
	/* Where the text may move, its slices must not be used: room first. */
	buf_reserve(&er->text, er->request->head_bytes.len + 2048);
	front.path = request_text(er, er->path);
	front.query = request_query(er);
	er->head_at = (uint32_t)er->text.len;
	head_front_write(&er->text, &front);
	er->front_end = (uint32_t)er->text.len;
	return STEP_NEXT;
}
