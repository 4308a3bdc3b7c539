/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/path_class.h"

#include "base/must.h"

static const char *const default_prefixes[] = {
	"/api/run", "/api/file", "/api/social", "/api/service/1/data",
	"/api/service/1/file",
};

enum { DEFAULT_PREFIXES = sizeof(default_prefixes) / sizeof(char *) };

struct path_classes {
	size_t		 count;
	struct slice	 prefixes[];	/* without a slash at the end */
};

const char *
path_class_name(enum path_class class)
{
	static const char *const names[] = {
		[PATH_CENTRAL] = "central",
		[PATH_RUNTIME] = "runtime",
		[PATH_AMBIGUOUS] = "ambiguous",
	};

	must(class <= PATH_AMBIGUOUS);
	return names[class];
}

const struct path_classes *
path_classes_build(struct arena *arena, const char *const *prefixes,
    size_t count)
{
	struct path_classes *classes;

	if (prefixes == NULL) {
		prefixes = default_prefixes;
		count = DEFAULT_PREFIXES;
	}
	classes = arena_alloc(arena,
	    sizeof(*classes) + count * sizeof(classes->prefixes[0]));
	classes->count = count;
	for (size_t i = 0; i < count; i++) {
		struct slice s = slice_of(arena_strdup(arena, prefixes[i]));

		while (s.len > 0 && s.p[s.len - 1] == '/')
			s.len--;
		classes->prefixes[i] = s;
	}
	return classes;
}

static bool
is_below(struct slice path, struct slice prefix)
{
	return slice_starts_nocase(path, prefix) &&
	    (path.len == prefix.len || path.p[prefix.len] == '/');
}

/* Some programs look for it before they undo escapes, some after. */
static bool
parameter_at(struct slice path, size_t at)
{
	return at < path.len && (path.p[at] == ';' || slice_starts_nocase(
	    (struct slice){ path.p + at, path.len - at }, SLICE("%3B")));
}

/*
 * Whether path is below prefix for a program that reads over parameters:
 * "/api/run;v=1/2" is "/api/run/2" to one and something else to another.
 */
static bool
below_without_parameters(struct slice path, struct slice prefix)
{
	size_t at = 0;

	for (size_t i = 0; i < prefix.len; i++, at++) {
		if (prefix.p[i] == '/' && parameter_at(path, at))
			while (at < path.len && path.p[at] != '/')
				at++;
		if (at >= path.len ||
		    ascii_lower(path.p[at]) != ascii_lower(prefix.p[i]))
			return false;
	}
	return at >= path.len || path.p[at] == '/' || parameter_at(path, at);
}

enum path_class
path_class_of(const struct path_classes *classes, struct slice path)
{
	for (size_t i = 0; i < classes->count; i++)
		if (is_below(path, classes->prefixes[i]))
			return PATH_RUNTIME;
	if (memchr(path.p, ';', path.len) == NULL &&
	    memchr(path.p, '%', path.len) == NULL)
		return PATH_CENTRAL;
	for (size_t i = 0; i < classes->count; i++)
		if (below_without_parameters(path, classes->prefixes[i]))
			return PATH_AMBIGUOUS;
	return PATH_CENTRAL;
}
