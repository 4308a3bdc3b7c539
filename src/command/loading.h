/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Configurations for commands that ask questions of one: mistakes and
 * warnings go to standard error, and the answer alone to standard output.
 */
#ifndef COMMAND_LOADING_H
#define COMMAND_LOADING_H

#include "base/buf.h"
#include "conf/generation.h"

#define LOADING_DEFAULT_CONFIG "/etc/portolan/portolan.yaml"

/* NULL beside mistakes.  command is for messages: "explain". */
struct generation *loading_generation(const char *command, const char *file);

/* All mistakes to standard error; true if none of them is more than a
 * warning. */
bool loading_tell(const char *command, const struct mistakes *mistakes);

/* The buffer to standard output, and its memory back; the given exit code, or
 * 2 if it could not be written. */
int loading_print(const char *command, struct buf *out, int code);

#endif
