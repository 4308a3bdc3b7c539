/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where the operators' words about regions are kept (policy/overrides.h): the
 * edge writes them, and `portolan explain` reads them, too.
 */
#ifndef CONF_OVERRIDES_FILE_H
#define CONF_OVERRIDES_FILE_H

#include "conf/config.h"
#include "policy/overrides.h"

enum { OVERRIDES_PATH_MAX = 4096 };

void overrides_file_path(const struct config *config,
    char path[OVERRIDES_PATH_MAX]);

/* No file: no words.  False, and none, if it cannot be read. */
bool overrides_file_read(struct overrides *o, const struct config *config,
    struct err *err);

#endif
