/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The front of the tokens that engines hand out for calls that come back
 * without a state in their path: a service's callback (token), a login's
 * return (state, RelayState).
 *
 *	STATE-ID "." TENANT "." whatever authenticates it
 *
 * An edge reads the front to route the call; whether the token is genuine is
 * for the engine to say, which refuses a forged one.
 */
#ifndef POLICY_FLOW_TOKEN_H
#define POLICY_FLOW_TOKEN_H

#include "policy/guid.h"
#include "policy/state_id.h"

enum { FLOW_TOKEN_FRONT = STATE_ID_TEXT + GUID_TEXT + 1 };

struct flow_token {
	struct state_id	 state;
	char		 tenant[GUID_TEXT];	/* lower case */
};

/* False unless token begins with such a front. */
bool flow_token_parse(struct flow_token *t, struct slice token);

/* The front with its last dot; tenant must be a GUID, else false. */
bool flow_token_front(char front[FLOW_TOKEN_FRONT],
    const char state[STATE_ID_TEXT], struct slice tenant);

#endif
