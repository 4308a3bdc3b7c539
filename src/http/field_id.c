/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/chars.h"
#include "http/h1_parse.h"

#define IS(text)	(memcmp(low, text, sizeof(text) - 1) == 0)
#define EITHER(text, id) \
	(IS(text) ? (id) : FIELD_OTHER)

static bool
starts(const char *low, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && memcmp(low, prefix, n) == 0;
}

/* The families that are open at the end. */
static enum field_id
identify_prefix(const char *low, size_t len)
{
	if (low[0] != 'x')
		return FIELD_OTHER;
	if (starts(low, len, "x-manywho-"))
		return FIELD_X_MANYWHO;
	if (starts(low, len, "x-portolan-"))
		return FIELD_X_PORTOLAN;
	return FIELD_OTHER;
}

/* Names are short and few share a length: one or two comparisons decide. */
static enum field_id
identify_by_length(const char *low, size_t len)
{
	switch (len) {
	case 2:
		return EITHER("te", FIELD_TE);
	case 3:
		return EITHER("via", FIELD_VIA);
	case 4:
		return IS("host") ? FIELD_HOST : EITHER("date", FIELD_DATE);
	case 6:
		return IS("accept") ? FIELD_ACCEPT :
		    IS("origin") ? FIELD_ORIGIN :
		    IS("server") ? FIELD_SERVER :
		    EITHER("expect", FIELD_EXPECT);
	case 7:
		return IS("upgrade") ? FIELD_UPGRADE :
		    EITHER("trailer", FIELD_TRAILER);
	case 8:
		return EITHER("cdn-loop", FIELD_CDN_LOOP);
	case 9:
		return EITHER("forwarded", FIELD_FORWARDED);
	case 10:
		return IS("connection") ? FIELD_CONNECTION :
		    IS("user-agent") ? FIELD_USER_AGENT :
		    EITHER("keep-alive", FIELD_KEEP_ALIVE);
	case 11:
		return IS("traceparent") ? FIELD_TRACEPARENT :
		    EITHER("retry-after", FIELD_RETRY_AFTER);
	case 12:
		return IS("content-type") ? FIELD_CONTENT_TYPE :
		    IS("x-request-id") ? FIELD_X_REQUEST_ID :
		    IS("manywhostate") ? FIELD_MANYWHO_STATE :
		    EITHER("proxy-status", FIELD_PROXY_STATUS);
	case 13:
		return IS("authorization") ? FIELD_AUTHORIZATION :
		    EITHER("manywhotenant", FIELD_MANYWHO_TENANT);
	case 14:
		return EITHER("content-length", FIELD_CONTENT_LENGTH);
	case 15:
		return EITHER("x-forwarded-for", FIELD_X_FORWARDED_FOR);
	case 16:
		return IS("x-forwarded-host") ? FIELD_X_FORWARDED_HOST :
		    IS("x-forwarded-port") ? FIELD_X_FORWARDED_PORT :
		    EITHER("proxy-connection", FIELD_PROXY_CONNECTION);
	case 17:
		return IS("transfer-encoding") ? FIELD_TRANSFER_ENCODING :
		    EITHER("x-forwarded-proto", FIELD_X_FORWARDED_PROTO);
	case 18:
		return EITHER("proxy-authenticate", FIELD_PROXY_AUTHENTICATE);
	case 19:
		return EITHER("proxy-authorization",
		    FIELD_PROXY_AUTHORIZATION);
	default:
		return FIELD_OTHER;
	}
}

enum field_id
field_identify_low(const char low[FIELD_LOW], size_t len)
{
	enum field_id id = identify_by_length(low, len);

	return id == FIELD_OTHER && len >= 10 ? identify_prefix(low, len) : id;
}

enum field_id
field_identify(struct slice name)
{
	char low[FIELD_LOW] = { 0 };

	chars_lower(low, (struct slice){ name.p,
	    name.len < FIELD_LOW ? name.len : FIELD_LOW });
	return field_identify_low(low, name.len);
}

bool
field_spoofs(struct slice name)
{
	static const char *const families[] = {
		"forwarded", "manywho", "true-client-ip", "x-client-ip",
		"x-forwarded", "x-manywho", "x-portolan", "x-real-ip",
	};
	char low[FIELD_LOW] = { 0 };
	size_t kept = name.len < FIELD_LOW ? name.len : FIELD_LOW;

	for (size_t i = 0; i < kept; i++)
		low[i] = name.p[i] == '_' ? '-' : ascii_lower(name.p[i]);
	if (field_identify_low(low, name.len) != FIELD_OTHER)
		return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (starts(low, kept, families[i]))
			return true;
	return false;
}
