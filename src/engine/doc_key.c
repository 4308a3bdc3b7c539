/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/doc_key.h"

#include <stdio.h>

void
tenant_key(char key[STORE_KEY_MAX], const struct guid *tenant)
{
	guid_text(tenant->bytes, key);
}

void
flow_key(char key[STORE_KEY_MAX], const struct guid *tenant,
    const struct guid *flow)
{
	char t[GUID_TEXT], f[GUID_TEXT];

	snprintf(key, STORE_KEY_MAX, "%s/%s", guid_text(tenant->bytes, t),
	    guid_text(flow->bytes, f));
}

void
version_key(char key[STORE_KEY_MAX], const struct guid *tenant,
    const struct guid *flow, const struct guid *version)
{
	char t[GUID_TEXT], f[GUID_TEXT], v[GUID_TEXT];

	snprintf(key, STORE_KEY_MAX, "%s/%s/%s", guid_text(tenant->bytes, t),
	    guid_text(flow->bytes, f), guid_text(version->bytes, v));
}

bool
split_key(const char *key, struct guid *guids, size_t count)
{
	struct slice rest = slice_of(key), part;

	for (size_t i = 0; i < count; i++)
		if (!slice_split(&rest, '/', &part) ||
		    !guid_parse(guids[i].bytes, part))
			return false;
	return rest.len == 0;
}
