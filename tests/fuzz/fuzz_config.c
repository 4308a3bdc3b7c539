/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any bytes as portolan.yaml: without mistakes there is a configuration that
 * keeps what its header promises.
 */
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "conf/config.h"
#include "conf/mistakes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct config *c)
{
	must(c != NULL && c->region != NULL && c->main_region != NULL);
	must(c->region_map != NULL && c->run_dir != NULL && c->via != NULL);
	must(c->nlisteners > 0);
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct config_listener *l = &c->listeners[i];

		must(l->name != NULL && l->address.kind != ENDPOINT_NAME);
		must((l->first.certificate == NULL) ==
		    (l->first.key == NULL));
		must(l->nmore == 0 || l->first.certificate != NULL);
		must(l->kind != LISTENER_LINK || c->link.certificate != NULL);
	}
	for (size_t i = 0; i < c->link.npeers; i++)
		must(c->link.peers[i].naddresses > 0);
	must(c->limits.peek_bytes >= 1024 && c->timeouts.head_ms > 0);
	must(c->geo.max_changed >= 0 && c->geo.max_changed <= 1);
	must(c->trusted_hops == 0 || c->ntrusted == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct arena *arena = arena_new(0);
	const struct config *config;
	struct mistakes mistakes;
	struct buf text = { 0 };

	mistakes_init(&mistakes);
	config = config_parse(arena, "fuzz", bytes, &mistakes, NULL);
	if (mistakes.errors == 0)
		check(config);
	mistakes_print(&mistakes, &text);
	buf_fini(&text);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	return 0;
}
