/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The keys of the store's documents, as engine/metadata.h lists them: GUIDs
 * with a slash between them.
 */
#ifndef ENGINE_DOC_KEY_H
#define ENGINE_DOC_KEY_H

#include "engine/flow.h"
#include "store/store.h"

void tenant_key(char key[STORE_KEY_MAX], const struct guid *tenant);
void flow_key(char key[STORE_KEY_MAX], const struct guid *tenant,
    const struct guid *flow);
void version_key(char key[STORE_KEY_MAX], const struct guid *tenant,
    const struct guid *flow, const struct guid *version);

/* The other way round: true if the key is count GUIDs and nothing else. */
bool split_key(const char *key, struct guid *guids, size_t count);

#endif
