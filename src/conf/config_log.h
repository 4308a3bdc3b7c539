/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The keys of portolan.yaml below log and trace.
 */
#ifndef CONF_CONFIG_LOG_H
#define CONF_CONFIG_LOG_H

#include "conf/config.h"
#include "conf/schema.h"

extern const struct schema_row config_log_rows[];
extern const struct schema_row config_trace_rows[];

/* What holds where the file says nothing: JSON to standard output. */
void config_log_defaults(struct config *config);

#endif
