/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What keep.c asks of keeping.c.  Settings and stores may have to be read, so
 * whoever asks for them is on a fiber, and may wait.
 */
#ifndef ENGINE_KEEPING_PRIVATE_H
#define ENGINE_KEEPING_PRIVATE_H

#include "engine/keeping.h"

/* As of a revision of the metadata. */
struct keeping_settings {
	uint64_t	 revision;
	bool		 external, platform;
	char		 store[EXTERNAL_ID + 1];
};

/* Where new changes of the tenant's states go. */
enum store_end keeping_settings_of(const struct call_ctx *c,
    struct keeping_settings *out);
/* Held; NULL if there is none, or it cannot be had at the moment. */
struct external_store *keeping_store_named(const struct call_ctx *c,
    const char *id);
/* Made when it is needed first. */
struct external_way *keeping_use_way(const struct call_ctx *c);
/* A store that is away is told of once a second, however many ask for it. */
void keeping_complain(const struct call_ctx *c);

#endif
