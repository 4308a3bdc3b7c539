/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside `portolan ctl`: what its files share.
 */
#ifndef COMMAND_CTL_H
#define COMMAND_CTL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* ctl_ask.c: one question on a connection of its own; the status and the body
 * of the answer, whatever they say. */
bool ctl_ask(const char *socket_path, const char *method, const char *target,
    unsigned *status, struct buf *body, struct err *err);

/* A value in a target's query. */
void ctl_encode(struct buf *target, const char *value);

/*
 * ctl_print.c, ctl_errors.c: the service's answers as people read them, and as JSON.  What
 * the service said is appended to out; false if it cannot be understood.
 */
bool ctl_status_text(struct slice json, struct buf *out);
bool ctl_regions_text(struct slice json, struct buf *out);

/* The last bad requests: rule, place, and the head with a mark below it. */
bool ctl_errors_text(struct slice json, struct buf *out);

/* The lines of "[+] check" as {"ready": ..., "checks": [...]}. */
void ctl_ready_json(struct slice text, bool good, struct buf *out);

/* Any other answer as {"good": ..., "messages": [...]}, a line each. */
void ctl_lines_json(struct slice text, bool good, struct buf *out);

#endif
