/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the master does for its engine workers, done by an engine that has
 * none: the socket is opened, keys that only root may read are, the user is
 * dropped, and the sandbox entered.
 */
#ifndef COMMAND_ENGINE_ALONE_H
#define COMMAND_ENGINE_ALONE_H

#include <stdbool.h>

#include "engine/engine.h"

/* Before engine_main(), which gets options as they are afterwards.  False,
 * with the reason told, if something that should be in force cannot be. */
bool engine_alone(struct engine_options *options);

#endif
