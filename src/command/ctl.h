/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside `portolan ctl`: what its files share.
 */
#ifndef COMMAND_CTL_H
#define COMMAND_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define CTL_DEFAULT_CONFIG "/etc/portolan/portolan.yaml"

/* Which service: its socket, or the configuration that names it. */
struct ctl_place {
	const char	*config;	/* NULL: the default */
	const char	*socket;	/* NULL: as the configuration says */
};

#define CTL_PLACE_OPTIONS(place) \
	{ "config", 'c', "FILE", "the service's configuration (" \
	    CTL_DEFAULT_CONFIG ")", .value = &(place).config }, \
	{ "socket", 's', "PATH", "its admin socket, instead of looking it " \
	    "up there", .value = &(place).socket }

struct ctl_question {
	const char	*method, *target;
	const char	*fields;	/* whole lines; or NULL */
	struct slice	 body;
};

struct ctl_answer {
	unsigned	 status;
	char		 revision[64];	/* the ETag without quotes; or "" */
	struct buf	 body;
};

/* ctl.c: a question to that service.  The answer's body is the caller's to
 * free, whatever comes out. */
bool ctl_exchange(const struct ctl_place *place,
    const struct ctl_question *question, struct ctl_answer *answer,
    struct err *err);

/* ctl_map.c: a command group of its own. */
int ctl_map(int argc, char **argv);

/* ctl_ask.c: one question on a connection of its own; the status and the body
 * of the answer, whatever they say. */
bool ctl_ask(const char *socket_path, const struct ctl_question *question,
    struct ctl_answer *answer, struct err *err);

/* A value in a target's query. */
void ctl_encode(struct buf *target, const char *value);

/* Of an answer; "" and 0 where it has none: an older or newer service may
 * answer. */
static inline const char *
ctl_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static inline long long
ctl_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

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
