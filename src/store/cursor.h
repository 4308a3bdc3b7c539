/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where a page of a list ended, as text that comes back with the question for
 * the next: flow, time and id of its last row.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "store/store.h"

enum { CURSOR_TEXT = 96 };

struct cursor {
	uint8_t		 flow[16], id[16];
	int64_t		 created_ms;
};

/* One that is none of ours (NULL, too) begins at the front: it comes back
 * through those who ask for lists. */
struct cursor cursor_of(const char *text);
void cursor_text(char text[CURSOR_TEXT], const struct store_row *last);

#endif
