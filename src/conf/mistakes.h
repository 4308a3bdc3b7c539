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
	struct mistake	*list;		/* by file as first named, line, column */
	size_t		 count, errors;
};

/* What is added is copied: trees and generations may be freed before. */
void mistakes_init(struct mistakes *m);
void mistakes_fini(struct mistakes *m);

void mistakes_add(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void mistakes_warn(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "file:line:column: path: sentence", without a line's end; a warning's
 * sentence begins with "warning: ". */
struct buf;
void mistake_print(const struct mistake *mistake, struct buf *out);

/* All of them, a line each; and as a JSON array of objects. */
void mistakes_print(const struct mistakes *m, struct buf *out);
void mistakes_json(const struct mistakes *m, struct buf *out);

#endif
