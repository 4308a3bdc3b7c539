/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the parts of `portolan geodb` share: each has a file of its own.
 */
#ifndef COMMAND_GEODB_H
#define COMMAND_GEODB_H

#include "base/buf.h"
#include "base/clock.h"
#include "command/command.h"
#include "geo/mmdb.h"

extern const struct command command_geodb;

int geodb_build(int argc, char **argv);
int geodb_check(int argc, char **argv);
int geodb_show(int argc, char **argv);

/* What a good database says of itself: an object, or a sentence's part. */
void geodb_json_info(struct buf *b, const char *path, const struct mmdb *db);
void geodb_text_info(struct buf *b, const struct mmdb *db);

/* To standard output; the buffer is empty then. */
void geodb_print(struct buf *b);

#endif
