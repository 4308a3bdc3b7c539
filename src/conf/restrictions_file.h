/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * restrictions.yaml: the restrictions of tenants and flows with the
 * platform's own fields, for a platform whose engines do not feed them yet.
 */
#ifndef CONF_RESTRICTIONS_FILE_H
#define CONF_RESTRICTIONS_FILE_H

#include "conf/mistakes.h"
#include "policy/restrictions.h"

/*
 * file NULL: the empty set.  Never NULL; beside mistakes (mistakes->errors)
 * the set is incomplete and must not be taken into service.
 */
const struct restrictions *restrictions_file_load(struct arena *arena,
    const char *file, const uint8_t tag_key[16], uint64_t revision,
    struct mistakes *mistakes);

/* The same from bytes; file is for the marks. */
const struct restrictions *restrictions_file_parse(struct arena *arena,
    const char *file, struct slice bytes, const uint8_t tag_key[16],
    uint64_t revision, struct mistakes *mistakes);

#endif
