/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Files that the service keeps for itself in state_dir: private (mode 0600),
 * and whole or not at all, whatever ends the process meanwhile.
 */
#ifndef CONF_STATE_FILE_H
#define CONF_STATE_FILE_H

#include "base/err.h"
#include "base/slice.h"

/* In place of what stands there.  False: what stood there still does. */
bool state_file_write(const char *path, struct slice bytes, struct err *err);

#endif
