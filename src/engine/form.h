/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a form, or the query of a target, says: NAME=VALUE&...
 */
#ifndef ENGINE_FORM_H
#define ENGINE_FORM_H

#include "base/arena.h"
#include "base/slice.h"

/* The first value of that name, without its escapes; NULL: there is none. */
const char *form_value(struct arena *arena, struct slice form,
    const char *name);

#endif
