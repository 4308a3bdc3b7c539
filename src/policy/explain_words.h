/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the record says in the same words as JSON and as text; nobody else
 * includes it.
 */
#ifndef POLICY_EXPLAIN_WORDS_H
#define POLICY_EXPLAIN_WORDS_H

#include "policy/explain.h"

enum { EXPLAIN_RULE = 256, EXPLAIN_NETWORK = ADDR_TEXT_MAX + 4 };

/* Why the client's address has no location, whatever a database says ("6to4",
 * "private use"); NULL if it might have one.  There must be a decision. */
const char *explain_special(const struct explanation *e);

/* "regions.yaml:17", in text; a built-in rule has no line. */
const char *explain_rule(char text[EXPLAIN_RULE],
    const struct source_line *at);
/* "198.51.100.0/24", in text. */
const char *explain_network(char text[EXPLAIN_NETWORK],
    const struct cidr *net);

/* The flow is known by its tag alone. */
bool explain_has_tag(enum flow_knowledge knowledge);

#endif
