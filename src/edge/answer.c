/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/answer.h"

#include "base/must.h"
#include "edge/text.h"
#include "http/fields.h"

enum { RETRY_AFTER_S = 5 };

/*
 * One row a refusal.  The name is what logs, metrics and the problem's type
 * say, and must not change; the sentence is for the user (the vendor's own
 * where there is one), the error is Proxy-Status's (RFC 9209 2.3).
 */
static const struct refusal_row {
	const char	*name;
	uint16_t	 status;
	bool		 retry_after;
	const char	*title, *sentence, *error;
} rows[REFUSALS] = {
	[REFUSAL_NONE] = { "none", 500, false, "Internal error",
	    "The request failed.", "proxy_internal_error" },
	[REFUSAL_SYNTAX] = { "bad-request", 400, false, "Bad request",
	    "The request is not valid.", "http_request_error" },
	[REFUSAL_BAD_PATH] = { "bad-path", 400, false, "Ambiguous path",
	    "The path of the request can be read in more than one way",
	    "http_request_error" },
	[REFUSAL_BAD_HOST] = { "bad-host", 400, false, "Bad host",
	    "The host of the request is not a valid name",
	    "http_request_error" },
	[REFUSAL_BAD_TENANT] = { "bad-tenant", 400, false, "Bad tenant",
	    "The tenant of the request is not a valid name",
	    "http_request_error" },
	[REFUSAL_METHOD] = { "method-not-allowed", 405, false,
	    "Method not allowed", "This method is not served here",
	    "http_request_denied" },
	[REFUSAL_MISDIRECTED] = { "misdirected", 421, false,
	    "Misdirected request", "This host is not served here",
	    "http_request_denied" },
	[REFUSAL_ACCESS_DENIED] = { "access-restricted", 403, false,
	    "Access restricted", "The flow you are trying to run cannot be "
	    "accessed from your current location", "http_request_denied" },
	[REFUSAL_EXECUTION_DENIED] = { "execution-restricted", 403, false,
	    "Execution restricted", "The flow you are trying to run cannot be "
	    "executed in this region", "http_request_denied" },
	[REFUSAL_RATE_LIMITED] = { "rate-limited", 429, true,
	    "Too many requests", "Too many requests came in a short time. "
	    "Please try again later", "http_request_denied" },
	[REFUSAL_FLOW_NOT_FOUND] = { "flow-not-found", 413, false,
	    "Flow not found in the request", "The flow that this request "
	    "belongs to could not be found in the part of it that may be "
	    "looked at, and flows here differ in where they may be used and run",
	    "http_request_denied" },
	[REFUSAL_REGION_UNAVAILABLE] = { "region-unavailable", 503, true,
	    "Region unavailable", "The service is not available at the moment. "
	    "Please try again", "destination_unavailable" },
	[REFUSAL_RESIDENCY_UNAVAILABLE] = { "residency-unavailable", 503, true,
	    "Permitted regions unavailable", "The flow cannot be executed at "
	    "the moment in a region that it is permitted to run in. Please try "
	    "again", "destination_unavailable" },
	[REFUSAL_RESTRICTIONS_STALE] = { "restrictions-stale", 503, true,
	    "Restrictions not known", "The restrictions of the flow are not "
	    "known at the moment. Please try again", "proxy_configuration_error"
	},
	[REFUSAL_LOOP] = { "loop", 502, false, "Request loop",
	    "The request has been here before", "proxy_loop_detected" },
	[REFUSAL_LINK_DISAGREES] = { "link-disagreement", 421, false,
	    "Misdirected request", "This region may not serve the request",
	    "http_request_denied" },
	[REFUSAL_LINK_UNTRUSTED] = { "link-untrusted", 421, false,
	    "Misdirected request", "This address is for the edges of other "
	    "regions", "http_request_denied" },
	[REFUSAL_CONNECT_REFUSED] = { "connection-refused", 502, false,
	    "Bad gateway", "The service could not be reached. Please try again",
	    "connection_refused" },
	[REFUSAL_CONNECT_TIMEOUT] = { "connection-timeout", 504, false,
	    "Gateway timeout", "The service could not be reached in time. "
	    "Please try again", "connection_timeout" },
	[REFUSAL_OVERLOAD] = { "overload", 503, true, "Overload",
	    "The service is too busy at the moment. Please try again",
	    "connection_limit_reached" },
	[REFUSAL_NO_DESCRIPTORS] = { "overload", 503, true, "Overload",
	    "The service is too busy at the moment. Please try again",
	    "proxy_internal_error" },
	[REFUSAL_BROKEN] = { "connection-broken", 502, false, "Bad gateway",
	    "The service ended the connection without an answer",
	    "connection_terminated" },
	[REFUSAL_BAD_ANSWER] = { "bad-answer", 502, false, "Bad gateway",
	    "The service gave an answer that is not valid",
	    "http_protocol_error" },
	[REFUSAL_HEAD_TIMEOUT] = { "response-timeout", 504, false,
	    "Gateway timeout", "The service did not answer in time",
	    "http_response_timeout" },
	[REFUSAL_BODY_TIMEOUT] = { "response-timeout", 504, false,
	    "Gateway timeout", "The service did not answer in time",
	    "http_response_timeout" },
	[REFUSAL_RESIDENCY_BROKEN] = { "residency-broken", 502, false,
	    "Answer withheld", "The answer came from a region that the flow is "
	    "not permitted to run in", "http_response_incomplete" },
};

enum refusal
refusal_of_outcome(enum outcome outcome)
{
	static const uint8_t refusals[OUTCOMES] = {
		[OUTCOME_FORWARD] = REFUSAL_NONE,
		[OUTCOME_MISDIRECTED] = REFUSAL_MISDIRECTED,
		[OUTCOME_BAD_PATH] = REFUSAL_BAD_PATH,
		[OUTCOME_ACCESS_DENIED] = REFUSAL_ACCESS_DENIED,
		[OUTCOME_EXECUTION_DENIED] = REFUSAL_EXECUTION_DENIED,
		[OUTCOME_FLOW_NOT_FOUND] = REFUSAL_FLOW_NOT_FOUND,
		[OUTCOME_REGION_UNAVAILABLE] = REFUSAL_REGION_UNAVAILABLE,
		[OUTCOME_RESIDENCY_UNAVAILABLE] =
		    REFUSAL_RESIDENCY_UNAVAILABLE,
		[OUTCOME_RESTRICTIONS_STALE] = REFUSAL_RESTRICTIONS_STALE,
	};

	must((size_t)outcome < OUTCOMES);
	return refusals[outcome];
}

enum refusal
refusal_of_end(enum exchange_end end)
{
	switch (end) {
	case EXCHANGE_REFUSED:
		return REFUSAL_CONNECT_REFUSED;
	case EXCHANGE_CONNECT_TIMEOUT:
		return REFUSAL_CONNECT_TIMEOUT;
	case EXCHANGE_NO_DESCRIPTORS:
		return REFUSAL_NO_DESCRIPTORS;
	case EXCHANGE_BAD_ANSWER:
		return REFUSAL_BAD_ANSWER;
	case EXCHANGE_HEAD_TIMEOUT:
		return REFUSAL_HEAD_TIMEOUT;
	case EXCHANGE_BODY_TIMEOUT:
		return REFUSAL_BODY_TIMEOUT;
	case EXCHANGE_STALE:
	case EXCHANGE_BROKEN:
	case EXCHANGE_DONE:
		break;
	}
	return REFUSAL_BROKEN;
}

const char *
refusal_name(enum refusal why)
{
	return rows[why].name;
}

static bool
is_api(struct slice path)
{
	return slice_starts_nocase(path, SLICE("/api")) &&
	    (path.len == 4 || path.p[4] == '/');
}

enum answer_form
answer_form_for(struct slice accept, struct slice path)
{
	if (accept_names(accept, SLICE("application/problem+json")))
		return ANSWER_PROBLEM;
	if (is_api(path))
		return ANSWER_STRING;
	return accept_prefers_html(accept) ? ANSWER_HTML : ANSWER_PROBLEM;
}

/* --- bodies ----------------------------------------------------------------- */

struct words {
	unsigned	 status;
	const char	*name, *title, *sentence, *error;
};

/* Syntax: by the rule that was broken. */
static struct words
words_of(const struct answer_spec *spec)
{
	const struct refusal_row *row = &rows[spec->why];
	struct words w = { row->status, row->name, row->title, row->sentence,
	    row->error };

	if (spec->sentence != NULL)
		w.sentence = spec->sentence;
	if (spec->why == REFUSAL_SYNTAX) {
		w.status = spec->status;
		w.title = status_phrase(spec->status);
		w.name = spec->rule == NULL ? row->name : spec->rule;
	}
	return w;
}

static void
write_problem(struct buf *body, const struct answer_spec *spec,
    const struct words *w)
{
	buf_text(body, "{\"type\":\"urn:portolan:problem:");
	buf_text(body, w->name);
	buf_text(body, "\",\"title\":");
	buf_json(body, slice_of(w->title));
	buf_text(body, ",\"status\":");
	buf_u64(body, w->status);
	buf_text(body, ",\"detail\":");
	buf_json(body, slice_of(w->sentence));
	buf_text(body, ",\"instance\":");
	buf_json(body, spec->request_id);
	buf_text(body, "}\n");
}

/* Nothing of the request stands in it, so nothing needs escaping. */
static void
write_html(struct buf *body, const struct answer_spec *spec,
    const struct words *w)
{
	buf_printf(body, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
	    "charset=\"utf-8\"><title>%u %s</title></head>\n<body><h1>%s</h1>"
	    "\n<p>%s.</p>\n<p>Request <code>%.*s</code></p></body></html>\n",
	    w->status, w->title, w->title, w->sentence,
	    SLICE_ARG(spec->request_id));
}

static const char *
write_body(struct buf *body, const struct answer_spec *spec,
    const struct words *w)
{
	switch (spec->form) {
	case ANSWER_STRING:
		buf_json(body, slice_of(w->sentence));
		return "application/json";
	case ANSWER_HTML:
		write_html(body, spec, w);
		return "text/html; charset=utf-8";
	case ANSWER_PROBLEM:
		break;
	}
	write_problem(body, spec, w);
	return "application/problem+json";
}

const struct slice answer_allow = SLICE("Allow: GET, HEAD, POST, PUT, PATCH, "
    "DELETE, OPTIONS\r\n");

unsigned
answer_write(struct buf *fields, struct buf *body,
    const struct answer_spec *spec)
{
	const struct refusal_row *row = &rows[spec->why];
	struct words w = words_of(spec);

	FIELD_ADD(fields, "Content-Type", slice_of(write_body(body, spec,
	    &w)));
	buf_slice(fields, SLICE("Cache-Control: no-store\r\n"));
	if (spec->form == ANSWER_HTML)
		buf_slice(fields, SLICE("Content-Security-Policy: "
		    "default-src 'none'\r\n"));
	if (spec->why == REFUSAL_METHOD)
		buf_slice(fields, answer_allow);
	if (row->retry_after)
		buf_printf(fields, "Retry-After: %u\r\n",
		    spec->retry_after_s > 0 ? spec->retry_after_s :
		    RETRY_AFTER_S);
	buf_slice(fields, SLICE("Proxy-Status: "));
	buf_slice(fields, spec->pseudonym);
	buf_printf(fields, "; error=%s\r\n", w.error);
	FIELD_ADD(fields, "X-Request-Id", spec->request_id);
	return w.status;
}
