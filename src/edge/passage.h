/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * TLS that is not ours to decrypt: clients of a host whose region keeps
 * decryption to itself (`terminate: in-region`) are passed on to that region's
 * edge, byte by byte, behind a PROXY header that says who they are.
 */
#ifndef EDGE_PASSAGE_H
#define EDGE_PASSAGE_H

#include "edge/worker.h"

/* For serve. */
bool passage_is_due(struct server *server, struct slice name);
void passage_begin(struct server *server, const struct serve_passed *passed);

/* Whether the plan passes anybody on. */
bool passage_may_be(const struct plan *plan);

/* The worker ends. */
void passages_cut(struct worker *w);

#endif
