/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/mistakes.h"
#include "support/mistakes.h"

static const struct config *
parse(const char *text)
{
	const struct config *config = config_parse(arena,
	    "/etc/portolan/portolan.yaml", slice_of(text), &mistakes, NULL);

	assert_no_mistake();
	return config;
}

static void
defaults(void **state)
{
	const struct config *c = parse("region: GB\nmain_region: US\n"
	    "listeners: [{name: web, address: 127.0.0.1:0}]\n");

	(void)state;
	assert_string_equal(c->region_map, "/etc/portolan/regions.yaml");
	assert_string_equal(c->run_dir, "/run/portolan");
	assert_string_equal(c->via, "portolan-gb");
	assert_string_equal(c->console.socket, "/run/portolan/admin.sock");
	assert_false(c->console.enabled);
	assert_int_equal(c->log.naccess, 1);
	assert_int_equal(c->log.access[0].target, LOG_TO_STDOUT);
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_false(c->log.query);
	assert_int_equal(c->limits.peek_bytes, 65536);
	assert_int_equal(c->limits.retries, 2);
	assert_int_equal(c->timeouts.head_ms, 10000);
	assert_int_equal(c->timeouts.tunnel_idle_ms, 3600000);
	assert_int_equal(c->engines.rise, 2);
	assert_false(c->engines.accept_unnamed);
	assert_string_equal(c->engines.probe_path, "/health");
	assert_true(c->geo.max_changed == 0.01);
	assert_int_equal(c->geo.settle_ms, 5000);
	assert_null(c->runtime_paths);
	assert_null(c->geo.database);
	assert_null(c->link.certificate);
	assert_int_equal(c->listeners[0].kind, LISTENER_CLIENT);
	assert_int_equal(c->client_field, CLIENT_FIELD_XFF);
}

static void
everything_said(void **state)
{
	const struct config *c = parse(
	    "region: GB\n"
	    "main_region: US\n"
	    "regions: maps/world.yaml\n"
	    "user: portolan\n"
	    "run_dir: run\n"
	    "listeners:\n"
	    "  - name: tls\n"
	    "    address: \"[::]:8443\"\n"
	    "    tls: {certificate: tls/a.pem, key: /keys/a.key}\n"
	    "    proxy: {from: [10.1.0.0/16, \"2001:db8:1::/48\"]}\n"
	    "  - {name: link, address: 10.0.0.1:8444, kind: link}\n"
	    "hosts: {global: [Flow.Example.com], main: [build.example.com]}\n"
	    "client_address: {trusted: [10.0.0.0/8, \"2001:db8::/32\"], "
	    "header: forwarded}\n"
	    "paths: {runtime: [/api/run]}\n"
	    "forward: {via: edge-1, forwarded: true}\n"
	    "cors: {origins: [\"*\", \"https://x.example:8443\"]}\n"
	    "link:\n"
	    "  certificate: tls/link.pem\n"
	    "  key: tls/link.key\n"
	    "  ca: tls/ca.pem\n"
	    "  peers:\n"
	    "    US: us-edge.internal:8444\n"
	    "    AU: [10.1.0.1:8444, \"[2001:db8::1]:8444\"]\n"
	    "geo: {database: db.mmdb, when_old: unready, max_changed: 0.5%}\n"
	    "engines: {embedded: 3, store: state, "
	    "probe: {unnamed: accept}}\n"
	    "log: {access: \"off\", level: debug}\n"
	    "policy: {max_staleness: 5m}\n"
	    "explain: {keys: [new.key, /keys/old.key]}\n"
	    "console: {address: 127.0.0.1:9440, socket: ctl.sock}\n");

	(void)state;
	assert_string_equal(c->region_map, "/etc/portolan/maps/world.yaml");
	assert_string_equal(c->run_dir, "/etc/portolan/run");
	assert_string_equal(c->listeners[0].first.certificate,
	    "/etc/portolan/tls/a.pem");
	assert_string_equal(c->listeners[0].first.key, "/keys/a.key");
	assert_int_equal(c->listeners[0].at.line, 7);
	assert_int_equal(c->listeners[0].address.port, 8443);
	assert_int_equal(c->listeners[0].nproxy_from, 2);
	assert_int_equal(c->listeners[0].proxy_from[0].bits, 16);
	assert_int_equal(c->listeners[1].kind, LISTENER_LINK);
	assert_int_equal(c->listeners[1].nproxy_from, 0);
	assert_string_equal(c->global_hosts[0], "flow.example.com");
	assert_int_equal(c->nmain_hosts, 1);
	assert_int_equal(c->ntrusted, 2);
	assert_int_equal(c->trusted[1].bits, 32);
	assert_int_equal(c->client_field, CLIENT_FIELD_FORWARDED);
	assert_string_equal(c->runtime_paths[0], "/api/run");
	assert_string_equal(c->via, "edge-1");
	assert_true(c->send_forwarded);
	assert_true(c->engines.accept_unnamed);
	assert_int_equal(c->ncors_origins, 2);
	assert_int_equal(c->link.npeers, 2);
	assert_string_equal(c->link.peers[0].region, "US");
	assert_int_equal(c->link.peers[0].naddresses, 1);
	assert_int_equal(c->link.peers[1].naddresses, 2);
	assert_int_equal(c->link.peers[1].addresses[1].kind, ENDPOINT_IP);
	assert_true(c->geo.unready_when_old);
	assert_true(c->geo.max_changed == 0.005);
	assert_int_equal(c->engines.embedded, 3);
	assert_string_equal(c->engines.store_dir, "/etc/portolan/state");
	assert_int_equal(c->log.naccess, 0);
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->policy.max_staleness_ms, 300000);
	assert_int_equal(c->explain.nkey_files, 2);
	assert_string_equal(c->explain.key_files[0], "/etc/portolan/new.key");
	assert_string_equal(c->explain.key_files[1], "/keys/old.key");
	assert_int_equal(c->explain.keys.count, 0);
	assert_true(c->console.enabled);
	assert_string_equal(c->console.socket, "/etc/portolan/ctl.sock");
}

/* Settings that are commented out have # right before their key or dash. */
static void
uncomment(struct slice text, struct buf *out)
{
	struct slice line;

	while (slice_split(&text, '\n', &line)) {
		size_t at = 0;

		while (at < line.len && line.p[at] == ' ')
			at++;
		buf_add(out, line.p, at);
		if (at + 1 < line.len && line.p[at] == '#' &&
		    strchr(" #", line.p[at + 1]) == NULL)
			at++;
		buf_add(out, line.p + at, line.len - at);
		buf_char(out, '\n');
	}
}

/* Everything in the example is right, and the defaults that it shows are. */
static void
the_example_loads(void **state)
{
	const struct config *c, *all, *plain = parse("region: US\n"
	    "main_region: US\nlisteners: [{name: a, address: 127.0.0.1:0}]\n");
	struct buf text = { 0 }, full = { 0 };
	struct err err;

	(void)state;
	assert_true(file_read(&text, "conf/portolan.yaml", 1 << 20, &err));
	c = parse(buf_cstr(&text));
	assert_string_equal(c->region, "US");
	assert_int_equal(c->engines.embedded, 2);
	assert_true(c->console.enabled);
	assert_string_equal(c->policy.restrictions,
	    "/etc/portolan/restrictions.yaml");
	assert_int_equal(c->explain.nkey_files, 0);
	uncomment(buf_all(&text), &full);
	all = parse(buf_cstr(&full));
	assert_string_equal(all->explain.key_files[0],
	    "/etc/portolan/tls/explain.key");
	assert_int_equal(all->nlisteners, 3);
	assert_int_equal(all->listeners[1].nproxy_from, 2);
	assert_int_equal(all->nruntime_paths, 5);
	assert_memory_equal(&all->limits, &plain->limits,
	    sizeof(plain->limits));
	assert_memory_equal(&all->timeouts, &plain->timeouts,
	    sizeof(plain->timeouts));
	assert_int_equal(all->geo.warn_age_ms, plain->geo.warn_age_ms);
	assert_int_equal(all->geo.max_age_ms, plain->geo.max_age_ms);
	assert_int_equal(all->geo.settle_ms, plain->geo.settle_ms);
	assert_true(all->geo.max_changed == plain->geo.max_changed);
	assert_int_equal(all->engines.probe_interval_ms,
	    plain->engines.probe_interval_ms);
	assert_string_equal(all->engines.probe_path,
	    plain->engines.probe_path);
	assert_string_equal(all->engines.store_dir, plain->engines.store_dir);
	assert_string_equal(all->run_dir, plain->run_dir);
	assert_string_equal(all->via, plain->via);
	assert_string_equal(all->console.socket, plain->console.socket);
	buf_fini(&text);
	buf_fini(&full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults, begin, end),
		cmocka_unit_test_setup_teardown(everything_said, begin, end),
		cmocka_unit_test_setup_teardown(the_example_loads, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
