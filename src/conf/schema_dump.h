/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A section as it is in force: what its map says and, for every key that it
 * does not, the default of the same table that schema_read() read it by.
 * Names of files are written from the root on and secrets left out, so the
 * text may be read from anywhere, and shown to anybody who may see the file.
 */
#ifndef CONF_SCHEMA_DUMP_H
#define CONF_SCHEMA_DUMP_H

#include "base/buf.h"
#include "conf/schema.h"

/*
 * Appends YAML.  map is without mistakes, names of files in it are relative to
 * dir; target is what schema_read() made of it, for texts whose default was
 * derived from other keys, or NULL.
 */
void schema_dump(struct buf *out, struct arena *arena, const char *dir,
    const struct schema_row *rows, const struct yaml_node *map,
    const void *target);

/* For is_file: each text names one. */
bool schema_every_text(struct slice text);

#endif
