/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The certificates of a generation: one context per TLS listener and one for
 * the way out over the link.
 */
#ifndef CONF_GENERATION_TLS_H
#define CONF_GENERATION_TLS_H

#include "conf/generation.h"
#include "conf/schema.h"

/* g->config must be set; self is the region of this edge.  What cannot be
 * read is told; what runs out soon is warned of. */
void generation_tls_load(struct generation *g,
    const struct schema_reader *reader, const struct yaml_node *root,
    const struct region *self);
/* What the console shows, and demands; NULL, with *err naming the file, if
 * that cannot be read. */
struct tls_context *config_console_tls(const struct config *config,
    struct err *err);

void generation_tls_free(struct generation *g);

#endif
