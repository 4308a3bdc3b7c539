/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * State ids: UUID version 8 with 122 bits of ours: 2 layout, 6 number of the
 * birth region, 24 tag of the flow (keyed hash of tenant and flow), 90
 * random.  So any edge finds a state's restrictions without a look-up.
 */
#ifndef POLICY_STATE_ID_H
#define POLICY_STATE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	STATE_ID_TEXT = 37,		/* with its NUL */
	FLOW_TAG_MAX = 0xffffff,
};

struct state_id {
	uint8_t		 region;	/* number of the birth region, 0..63 */
	uint32_t	 tag;		/* 24 bits */
};

/* False unless text is a UUID of this layout (any case). */
bool state_id_parse(struct state_id *id, struct slice text);

/* With fresh random bits from the system's generator. */
void state_id_make(const struct state_id *id, char text[STATE_ID_TEXT]);

/* tenant and flow are GUIDs in any case. */
uint32_t flow_tag(const uint8_t key[16], struct slice tenant,
    struct slice flow);

#endif
