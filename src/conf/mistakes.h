/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Everything wrong with a set of configuration files, in one run: each as
 * "file:line:column: section.key: sentence".
 */
#ifndef CONF_MISTAKES_H
#define CONF_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct mark {
	const char	*file;
	unsigned	 line, column;	/* from 1; 0: the file as a whole */
};

struct mistake {
	struct mark	 mark;
	const char	*path;		/* "listeners[0].address", or "" */
	const char	*sentence;
	bool		 warning;	/* does not stop a load */
};

enum { MISTAKES_MAX = 200 };		/* then one says that there are more */

struct mistakes {
	struct arena	*arena;
	struct mistake	*list;		/* in order of file, line, column */
	size_t		 count, errors;
};

void mistakes_init(struct mistakes *m);
void mistakes_fini(struct mistakes *m);

void mistakes_add(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void mistakes_warn(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* All of them, a line each, errors and warnings told apart. */
struct buf;
void mistakes_print(const struct mistakes *m, struct buf *out);
void mistakes_json(const struct mistakes *m, struct buf *out);

#endif
