/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How libpq writes down where a server is (keywords or a URI), as far as it
 * may be shown.
 */
#ifndef CONF_CONNINFO_H
#define CONF_CONNINFO_H

#include "base/arena.h"
#include "base/slice.h"

/* The same with xxxxx for each password; what cannot be read is hidden whole. */
const char *conninfo_hide(struct arena *arena, struct slice text);

#endif
