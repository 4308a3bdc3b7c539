/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a start needs of the machine besides files to read: the user to become,
 * and directories that may be written.  Nothing is made or changed.
 */
#ifndef COMMAND_CHECK_PLACES_H
#define COMMAND_CHECK_PLACES_H

#include "conf/config.h"

/* tell is called for each that is missing, with the key that names it. */
void check_places(const struct config *config, void (*tell)(void *arg,
    const char *key, const char *sentence), void *arg);

#endif
