/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Scripts of other origins (Fetch standard, CORS protocol): for the origins
 * in cors.origins the edge answers preflights itself, and lets scripts read
 * the answers and the region headers, our own errors included.  For any other
 * origin it leaves all that to the engine.
 */
#ifndef EDGE_CORS_H
#define EDGE_CORS_H

#include "conf/config.h"
#include "edge/text.h"
#include "http/h1.h"

/* Whether Origin is one of the configured. */
bool cors_knows(const struct config *config, struct slice origin);

/* OPTIONS with Origin and Access-Control-Request-Method. */
bool cors_is_preflight(const struct h1_head *head);

/* Field lines for any answer to a known origin, and those of a preflight's
 * beside them. */
void cors_write(struct buf *fields, struct slice origin);
void cors_write_preflight(struct buf *fields, const struct h1_head *head);

/* What an engine says of CORS gives way to what cors_write() says. */
bool cors_is_ours(struct slice name);

#endif
