/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A YAML file as a tree of text, lists and maps, each with its line and
 * column.  Scalars stay text: NO is Norway.  Anchors, aliases, tags, merge
 * keys, further documents, repeated keys, control characters and bytes that
 * are not UTF-8 are mistakes.  The only user of libyaml.
 */
#ifndef CONF_YAML_H
#define CONF_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/mistakes.h"

enum {
	YAML_FILE_BYTES = 4 * 1024 * 1024,
	YAML_DEPTH_MAX = 32,
	YAML_NODES_MAX = 100000,
	YAML_TEXT_MAX = 4096,		/* bytes of one scalar */
};

enum yaml_kind {
	YAML_BAD,			/* its mistake has been told */
	YAML_TEXT,
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node {
	enum yaml_kind	 kind;
	bool		 quoted;	/* text in quotes: never "nothing" */
	struct mark	 mark;
	struct slice	 text;		/* a NUL follows */
	const char	*key;		/* in a map */
	struct mark	 key_mark;
	size_t		 index;		/* in a list */
	size_t		 count;		/* of children */
	const struct yaml_node *parent;
	const struct yaml_node *first, *next;	/* children in their order */
};

/*
 * The file's map.  NULL, with the reasons among the mistakes, if there is no
 * such file or no tree in it; there may be mistakes beside a tree as well.
 */
const struct yaml_node *yaml_read(struct arena *arena, const char *file,
    struct mistakes *mistakes);

/* The same from bytes; file is for the marks. */
const struct yaml_node *yaml_parse(struct arena *arena, const char *file,
    struct slice bytes, struct mistakes *mistakes);

/* The child of that name, or NULL; map may be NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map,
    const char *key);

/* The node at "listeners[0].tls", or the nearest one above it that exists. */
const struct yaml_node *yaml_at(const struct yaml_node *root,
    const char *path);

/* "listeners[0].tls": appended to out. */
void yaml_path(const struct yaml_node *node, struct buf *out);

/* Plain and empty, "~" or "null": a key with nothing after it. */
bool yaml_is_nothing(const struct yaml_node *node);

#endif
