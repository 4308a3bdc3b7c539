/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Ids of requests: 128 bits, unique without anybody being asked.  They name
 * things in logs and are no secrets, so a fast generator (xoshiro256**,
 * Blackman and Vigna 2018), seeded by the system's, is enough.  One a thread.
 */
#ifndef EDGE_IDS_H
#define EDGE_IDS_H

#include <stdint.h>

struct ids {
	uint64_t	 s[4];
};

enum { ID_TEXT = 32 };			/* without NUL */

void ids_init(struct ids *ids);
uint64_t ids_next(struct ids *ids);

/* 32 lower-case hexadecimal digits, not all zero; no NUL. */
void ids_text(struct ids *ids, char text[ID_TEXT]);

/* 16 digits of n. */
void ids_hex64(uint64_t n, char text[16]);

#endif
