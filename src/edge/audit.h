/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The platform's audit event of a refusal, flow.restriction.denied, as a line
 * of JSON in log.audit.
 */
#ifndef EDGE_AUDIT_H
#define EDGE_AUDIT_H

#include "edge/request.h"

/* The decision refuses by a restriction; nothing where no log is kept. */
void audit_denied(struct edge_request *er);

#endif
