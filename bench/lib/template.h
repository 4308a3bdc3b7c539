/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A request of which some places are other with each one: {address}, and of a
 * restricted flow (upstream.h) {tenant} and {flow}.
 */
#ifndef BENCH_TEMPLATE_H
#define BENCH_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

enum { TEMPLATE_PARTS = 16 };

struct values {
	const char	*address;
	size_t		 flow;
};

struct part {
	const char	*text;
	size_t		 len;
	/* What follows text: how many bytes it has.  NULL: nothing. */
	size_t		(*write)(char *to, const struct values *v);
};

struct template {
	char		*text;
	char		*out;		/* of the last template_fill() */
	struct part	 parts[TEMPLATE_PARTS];
	int		 count;
	bool		 closes;	/* it says Connection: close */
};

struct template template_read(const char *file);
size_t template_fill(struct template *t, const struct values *v);
void template_free(struct template *t);

#endif
