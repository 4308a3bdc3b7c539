/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Request targets and Host values.  What is normal stays as it is, and holds
 * nothing that two programs could read differently.
 */
#include "base/arena.h"
#include "base/must.h"
#include "http/target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_be_normal(struct slice path)
{
	must(path.len > 0 && path.p[0] == '/');
	must(memmem(path.p, path.len, "//", 2) == NULL);
	must(memmem(path.p, path.len, "/./", 3) == NULL);
	must(memmem(path.p, path.len, "/../", 4) == NULL);
	must(memmem(path.p, path.len, "%2F", 3) == NULL);
	must(memmem(path.p, path.len, "%00", 3) == NULL);
	for (size_t i = 0; i < path.len; i++)
		must(path.p[i] > 0x20 && path.p[i] < 0x7f &&
		    path.p[i] != '\\' && path.p[i] != '?' &&
		    path.p[i] != '#');
}

static void
try_target(struct slice raw)
{
	char *out = xmalloc(raw.len + 1), *twice;
	struct target target, again;

	out = xrealloc(out, raw.len > 0 ? raw.len : 1);
	if (target_normalise(&target, raw, out) == TARGET_OK &&
	    !target.asterisk) {
		must_be_normal(target.path);
		must(target.path.len <= raw.len || raw.p[0] != '/');
		twice = xmalloc(target.path.len);
		must(target_normalise(&again, target.path, twice) ==
		    TARGET_OK);
		must(slice_eq(target.path, again.path));
		must(again.query.p == NULL);
		free(twice);
	}
	free(out);
}

static void
try_host(struct slice raw)
{
	struct host host, again;

	if (!host_parse(&host, raw))
		return;
	must(host.name.len > 0 && host.name.len < sizeof(host.text));
	must(host.name.p[host.name.len - 1] != '.');
	must(host_parse(&again, host.name));
	must(again.port == 0 && slice_eq(host.name, again.name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = { (const char *)data, size };

	try_target(raw);
	try_host(raw);
	return 0;
}
