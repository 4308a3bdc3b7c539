/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Paths and what they say of a flow or state.  Letters' case must not matter,
 * nor a parameter turn a runtime path into a central one unnoticed.
 */
#include <stdlib.h>

#include "base/must.h"
#include "policy/flow_token.h"
#include "policy/path_class.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
changed(struct slice path, bool upper, size_t *len)
{
	char *copy = malloc(path.len + 1);

	must(copy != NULL);
	*len = 0;
	for (size_t i = 0; i < path.len; i++) {
		char c = path.p[i];

		if (!upper && c == ';')
			while (i + 1 < path.len && path.p[i + 1] != '/')
				i++;
		else
			copy[(*len)++] = upper && c >= 'a' && c <= 'z' ?
			    (char)(c & ~0x20) : c;
	}
	return copy;
}

static void
compare(const struct path_classes *classes, struct slice path)
{
	struct slice upper, bare, value, other;
	enum path_class class = path_class_of(classes, path);
	char *up = changed(path, true, &upper.len);
	char *cut = changed(path, false, &bare.len);

	upper.p = up;
	bare.p = cut;
	must(path_class_of(classes, upper) == class);
	must(flow_place_of(path, &value) == flow_place_of(upper, &other));
	must(value.len == other.len);
	must(value.p == NULL || (value.p >= path.p &&
	    value.p + value.len <= path.p + path.len));
	if (path_class_of(classes, bare) == PATH_RUNTIME)
		must(class != PATH_CENTRAL);
	free(up);
	free(cut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(4096);
	struct slice path = { (const char *)data, size };
	struct flow_token token;

	compare(path_classes_build(arena, NULL, 0), path);
	if (flow_token_parse(&token, path))
		must(token.state.region < 64 && strlen(token.tenant) == 36);
	arena_free(&arena);
	return 0;
}
