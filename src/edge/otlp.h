/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Spans to a collector: OTLP over HTTP, in JSON.  It waits for the answer, for
 * a thread that has nothing else to do.
 */
#ifndef EDGE_OTLP_H
#define EDGE_OTLP_H

#include "edge/log_out.h"

/* As log_out_write(): lines are spans. */
enum log_out_end otlp_write(struct log_out *out, struct slice lines,
    size_t *done);

#endif
