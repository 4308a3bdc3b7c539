/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/flow_token.h"

#include <stdio.h>

bool
flow_token_parse(struct flow_token *t, struct slice token)
{
	struct slice state, tenant;
	uint8_t guid[16];

	if (!slice_split(&token, '.', &state) ||
	    !slice_split(&token, '.', &tenant) || token.p == NULL)
		return false;
	if (!state_id_parse(&t->state, state) || !guid_parse(guid, tenant))
		return false;
	guid_text(guid, t->tenant);
	return true;
}

bool
flow_token_front(char front[FLOW_TOKEN_FRONT],
    const char state[STATE_ID_TEXT], struct slice tenant)
{
	char text[GUID_TEXT];
	uint8_t guid[16];

	if (!guid_parse(guid, tenant))
		return false;
	snprintf(front, FLOW_TOKEN_FRONT, "%s.%s.", state,
	    guid_text(guid, text));
	return true;
}
