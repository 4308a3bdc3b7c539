/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whole configurations in a directory of their own, with databases and
 * certificates made on the spot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "base/must.h"
#include "conf/database.h"
#include "conf/generation.h"
#include "geo/mmdb_write.h"
#include "support/certificates.h"
#include "support/folder.h"

enum { EPOCH = 1780000000 };

static char conf[FOLDER_PATH];
static struct mistakes mistakes;

static void
put_database(const char *ranges, uint64_t epoch)
{
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };

	range_text_read(&t, "test", slice_of(ranges));
	must(range_text_settle(&t));
	mmdb_write(&bytes, &(struct mmdb_source){ .ranges = t.ranges,
	    .count = t.count, .type = "Test", .description = "made up",
	    .build_epoch = epoch });
	folder_put("country.mmdb", buf_all(&bytes));
	buf_fini(&bytes);
	range_text_fini(&t);
}

static const char world[] =
    "11.0.0.0/9,GB\n"
    "11.128.0.0/10,US\n"
    "11.192.0.0/16,FR\n"
    "2a11::/32,GB\n"
    "2a12::/32,US\n";

static const char regions[] =
    "version: 1\n"
    "default: US\n"
    "regions:\n"
    "  US:\n"
    "    location: {country: US, lat: 38.95, lon: -77.45}\n"
    "    hosts: [flow.example.com, us.flow.example.com]\n"
    "    engines: [http://engine.us.internal:8080]\n"
    "  GB:\n"
    "    location: {country: GB, lat: 51.51, lon: -0.13}\n"
    "    hosts: [gb.flow.example.com]\n"
    "    fallback: [US]\n"
    "countries: {GB: GB, FR: GB, BR: US}\n";

#define PLAIN \
	"region: US\n" \
	"main_region: US\n" \
	"listeners: [{name: web, address: 127.0.0.1:0}]\n" \
	"hosts: {global: [flow.example.com], main: [build.example.com]}\n" \
	"link: {certificate: US.pem, key: US.key, ca: ca.pem, " \
	"peers: {GB: 127.0.0.1:1}}\n" \
	"geo: {database: country.mmdb, warn_age: 90000d, max_age: 90000d, " \
	"max_changed: 10%, expectations: expect.yaml}\n" \
	"policy: {flow_tag_key: tag.key}\n"

static int
begin(void **state)
{
	struct authority ca;

	(void)state;
	folder_begin();
	strcpy(certificates_dir, folder);
	strcpy(conf, folder_path("portolan.yaml"));
	ca = authority_new("ca");
	certificate_issue(&ca, "US", "URI:portolan:region:US", 90 * 86400);
	certificate_issue(&ca, "GB", "URI:portolan:region:GB", 90 * 86400);
	certificate_issue(&ca, "soon", "DNS:flow.example.com", 3 * 86400 + 60);
	certificate_issue(&ca, "past", "DNS:flow.example.com", -60);
	certificate_issue_from(&ca, "early", "DNS:flow.example.com", 3600,
	    90 * 86400);
	authority_free(&ca);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	folder_end();
	return 0;
}

static int
each_begin(void **state)
{
	(void)state;
	mistakes_init(&mistakes);
	folder_put_text("portolan.yaml", PLAIN);
	folder_put_text("regions.yaml", regions);
	folder_put_text("expect.yaml", "version: 1\nexpect: {11.0.0.1: GB}\n");
	folder_put_text("tag.key", "000102030405060708090a0B0C0D0E0F\n");
	chmod(folder_path("tag.key"), 0600);
	put_database(world, EPOCH);
	return 0;
}

static int
each_end(void **state)
{
	(void)state;
	mistakes_fini(&mistakes);
	return 0;
}

static struct generation *
load(const struct generation *before)
{
	mistakes_fini(&mistakes);
	mistakes_init(&mistakes);
	return generation_load(conf, LOAD_FULL, before, &mistakes);
}

static struct generation *
load_well(const struct generation *before)
{
	struct generation *g = load(before);
	struct buf out = { 0 };

	mistakes_print(&mistakes, &out);
	if (mistakes.count > 0)
		print_error("%s", buf_cstr(&out));
	buf_fini(&out);
	assert_int_equal(mistakes.count, 0);
	assert_non_null(g);
	return g;
}

static void
assert_says(const char *part)
{
	struct buf out = { 0 };
	bool found;

	mistakes_print(&mistakes, &out);
	found = strstr(buf_cstr(&out), part) != NULL;
	if (!found)
		print_error("not in it: %s\n%s", part, buf_cstr(&out));
	buf_fini(&out);
	assert_true(found);
}

static const char *
region_of(const struct generation *g, const char *address)
{
	struct geo_hit hit;
	struct addr addr;

	must(addr_parse(&addr, slice_of(address)));
	hit = geo_table_find(g->geo, &addr);
	return g->policy.map->regions[hit.list->regions[0]].id;
}

static void
everything_is_there(void **state)
{
	struct generation *g = load_well(NULL), *next;
	struct host_hit host;

	(void)state;
	assert_string_equal(region_of(g, "11.1.2.3"), "GB");
	assert_string_equal(region_of(g, "11.129.0.1"), "US");
	assert_string_equal(region_of(g, "203.0.114.1"), "US");
	assert_int_equal(g->policy.self, 0);
	assert_int_equal(g->policy.generation, g->id);
	assert_ptr_equal(g->policy.geo, g->geo);
	assert_non_null(g->link_client);
	assert_null(g->listener_tls[0]);
	assert_non_null(g->db);
	assert_null(g->database_held);
	assert_int_equal(g->config->policy.tag_key[0], 0);
	assert_int_equal(g->config->policy.tag_key[11], 11);
	assert_int_equal(g->expectations->count, 1);
	/* What portolan.yaml says of a name wins over the map. */
	host = hosts_find(g->policy.hosts, SLICE("flow.example.com"));
	assert_int_equal(host.kind, HOST_GLOBAL);
	host = hosts_find(g->policy.hosts, SLICE("build.example.com"));
	assert_int_equal(host.kind, HOST_MAIN);
	host = hosts_find(g->policy.hosts, SLICE("gb.flow.example.com"));
	assert_int_equal(host.kind, HOST_REGIONAL);
	assert_int_equal(host.region, 1);
	host = hosts_find(g->policy.hosts, SLICE("example.com"));
	assert_int_equal(host.kind, HOST_UNKNOWN);
	next = load_well(g);
	assert_true(next->id > g->id);
	/* The file is the same, so the bytes are shared. */
	assert_ptr_equal(next->database, g->database);
	assert_true(generation_release(g));
	generation_free(&g);
	assert_null(g);
	assert_string_equal(region_of(next, "11.1.2.3"), "GB");
	generation_free(&next);
}

static void
the_last_holder_is_told(void **state)
{
	struct generation *g = load_well(NULL);

	(void)state;
	atomic_fetch_add(&g->holders, 2);
	assert_false(generation_release(g));
	assert_false(generation_release(g));
	assert_true(generation_release(g));
	generation_free(&g);
}

/* Databases that the guard holds back, and why. */
static void
bad_databases_are_held_back(void **state)
{
	static const struct {
		const char	*ranges, *why;
		int		 later;
	} rows[] = {
		{ world, "it was built earlier (2026-05-27", -86400 },
		{ "11.0.0.0/9,GB\n11.128.0.0/10,US\n2a11::/32,GB\n"
		  "2a12::/32,US\n", "FR (France), which has a rule", 60 },
		{ "11.0.0.0/10,GB\n11.64.0.0/10,US\n11.128.0.0/10,US\n"
		  "11.192.0.0/16,FR\n2a11::/32,GB\n2a12::/32,US\n",
		  "would change region, more than geo.max_changed (10.00%)",
		  60 },
		{ "11.0.0.0/9,GB\n11.128.0.0/10,US\n11.192.0.0/16,FR\n"
		  "2a11::/32,US\n2a12::/32,US\n", "of the IPv6 space", 60 },
		{ "11.0.0.0/16,US\n11.1.0.0/16,GB\n11.2.0.0/15,GB\n"
		  "11.4.0.0/14,GB\n11.8.0.0/13,GB\n11.16.0.0/12,GB\n"
		  "11.32.0.0/11,GB\n11.64.0.0/10,GB\n11.128.0.0/10,US\n"
		  "11.192.0.0/16,FR\n2a11::/32,GB\n2a12::/32,US\n",
		  "expected region GB, but 11.0.0.1 goes to US", 60 },
	};
	struct generation *g = load_well(NULL), *next;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_database(rows[i].ranges, (uint64_t)(EPOCH +
		    rows[i].later));
		next = load(g);
		assert_non_null(next);
		assert_int_equal(mistakes.errors, 0);
		assert_says("held back and the old one stays in service");
		assert_says(rows[i].why);
		assert_non_null(next->database_held);
		assert_ptr_equal(next->database, g->database);
		assert_string_equal(region_of(next, "11.1.2.3"), "GB");
		generation_free(&next);
	}
	/* A good one is taken afterwards. */
	put_database(world, EPOCH + 86400);
	next = load_well(g);
	assert_null(next->database_held);
	assert_ptr_not_equal(next->database, g->database);
	generation_free(&next);
	generation_free(&g);
}

static void
damaged_databases_are_held_back(void **state)
{
	static const char *const damage[] = { "", "<html>404</html>",
	    "\x1f\x8b\x08 gzip", NULL };
	struct generation *g = load_well(NULL), *next;

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		if (damage[i] == NULL)
			must(unlink(folder_path("country.mmdb")) == 0);
		else
			folder_put_text("country.mmdb", damage[i]);
		next = load(g);
		assert_non_null(next);
		assert_says("held back");
		assert_string_equal(region_of(next, "11.1.2.3"), "GB");
		generation_free(&next);
		/* Without one in service there is nothing to stay with. */
		assert_null(load(NULL));
		assert_says("geo.database: ");
	}
	/* A changed map is taken all the same, over the old database. */
	folder_put_text("regions.yaml", "version: 1\ndefault: US\nregions:\n"
	    "  US: {location: {country: US, lat: 1, lon: 1}, "
	    "engines: [http://e:1]}\n"
	    "  GB: {location: {country: GB, lat: 1, lon: 1}}\n"
	    "countries: {US: GB}\n");
	folder_put_text("expect.yaml", "version: 1\nexpect: {11.0.0.1: US}\n");
	next = load(g);
	assert_non_null(next);
	assert_string_equal(region_of(next, "11.129.0.1"), "GB");
	generation_free(&next);
	generation_free(&g);
}

/* The map or the expectations are at fault, and no database would help. */
static void
expectations_bind_the_map(void **state)
{
	struct generation *g = load_well(NULL);

	(void)state;
	folder_put_text("expect.yaml", "version: 1\nexpect: {11.129.0.1: GB}\n");
	assert_null(load(g));
	assert_says("expect.yaml:2:10: expect.11.129.0.1: expected region GB");
	folder_put_text("expect.yaml",
	    "version: 1\nexpect: {11.0.0.1: {region: GB, country: FR}}\n");
	assert_null(load(g));
	assert_says("expected country FR, but 11.0.0.1 is in GB");
	folder_put_text("expect.yaml", "version: 1\nexpect: {country:FR: US}\n");
	assert_null(load(g));
	generation_free(&g);
}

static void
a_mistake_leaves_nothing(void **state)
{
	struct generation *g = load_well(NULL);

	(void)state;
	folder_put_text("regions.yaml", "version: 1\nregions: [\n");
	assert_null(load(g));
	assert_true(mistakes.errors > 0);
	folder_put_text("portolan.yaml", "region: [\n");
	assert_null(load(g));
	must(unlink(conf) == 0);
	assert_null(load(g));
	assert_says("portolan.yaml: cannot be opened");
	assert_string_equal(region_of(g, "11.1.2.3"), "GB");
	generation_free(&g);
}

static void
pure_needs_neither_database_nor_keys(void **state)
{
	struct generation *g;
	uint8_t key[16];
	struct err err;

	(void)state;
	must(unlink(folder_path("country.mmdb")) == 0 && unlink(folder_path("tag.key")) == 0);
	folder_put_text("portolan.yaml", PLAIN "user: nobody-here\n");
	mistakes_fini(&mistakes);
	mistakes_init(&mistakes);
	g = generation_load(conf, LOAD_PURE, NULL, &mistakes);
	assert_non_null(g);
	assert_int_equal(mistakes.count, 0);
	assert_string_equal(region_of(g, "11.1.2.3"), "US");
	assert_null(g->db);
	assert_null(g->listener_tls);
	assert_false(config_read_tag_key(g->config, key, &err));
	folder_put_text("tag.key", "ff0102030405060708090a0b0c0d0e0f");
	assert_true(config_read_tag_key(g->config, key, &err));
	assert_int_equal(key[0], 0xff);
	generation_free(&g);
	/* An engine mints state ids: it has the key, and does not start without. */
	g = generation_load(conf, LOAD_KEYS, NULL, &mistakes);
	assert_non_null(g);
	assert_int_equal(g->config->policy.tag_key[0], 0xff);
	assert_null(g->db);
	generation_free(&g);
	must(unlink(folder_path("tag.key")) == 0);
	assert_null(generation_load(conf, LOAD_KEYS, NULL, &mistakes));
}

#define DIGITS	"000102030405060708090a0b0c0d0e0f"

static void
keys_of_testers_are_read(void **state)
{
	struct generation *g;

	(void)state;
	folder_put_text("new.key", "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191A1B1C1D1E1F\r\n");
	folder_put_text("old.key", "ff0102030405060708090a0b0c0d0e0f");
	folder_put_text("portolan.yaml", PLAIN "explain: {keys: [new.key, old.key]}\n");
	g = load(NULL);
	assert_non_null(g);
	assert_int_equal(g->config->explain.keys.count, 2);
	assert_int_equal(g->config->explain.keys.list[0].len, 32);
	assert_int_equal(g->config->explain.keys.list[0].bytes[31], 31);
	assert_int_equal(g->config->explain.keys.list[1].len, 16);
	assert_int_equal(g->config->explain.keys.list[1].bytes[0], 0xff);
	generation_free(&g);
	/* Who explains need not be one who reads keys. */
	must(unlink(folder_path("old.key")) == 0);
	assert_null(load(NULL));
	mistakes_fini(&mistakes);
	mistakes_init(&mistakes);
	g = generation_load(conf, LOAD_DECISIONS, NULL, &mistakes);
	assert_non_null(g);
	assert_int_equal(g->config->explain.keys.count, 0);
	generation_free(&g);
	folder_put_text("old.key", "000102030405060708090a0b0c0d0e0");
	assert_null(load(NULL));
	folder_put_text("old.key", "000102030405060708090a0b0c0d0e0g");
	assert_null(load(NULL));
	folder_put_text("old.key", DIGITS DIGITS DIGITS DIGITS);
	g = load(NULL);
	assert_non_null(g);
	generation_free(&g);
	folder_put_text("old.key", DIGITS DIGITS DIGITS DIGITS "00");
	assert_null(load(NULL));
}

static void
certificates(void **state)
{
	static const char tls[] = PLAIN
	    "console: {address: 127.0.0.1:0}\n";
	struct generation *g;
	char text[2048];

	(void)state;
	/* The link's certificate must name the region that it stands in. */
	snprintf(text, sizeof(text), "%s", tls);
	memcpy(strstr(text, "US.pem"), "GB", 2);
	memcpy(strstr(text, "US.key"), "GB", 2);
	folder_put_text("portolan.yaml", text);
	assert_null(load(NULL));
	assert_says("needs the URI portolan:region:US");
	/* A key that belongs to another certificate. */
	snprintf(text, sizeof(text), "%s", tls);
	memcpy(strstr(text, "US.key"), "GB", 2);
	folder_put_text("portolan.yaml", text);
	assert_null(load(NULL));
	assert_says("link.key: ");
	/* Authorities that are none. */
	snprintf(text, sizeof(text), "%s", tls);
	memcpy(strstr(text, "ca.pem"), "GB.key", 6);
	folder_put_text("portolan.yaml", text);
	assert_null(load(NULL));
	assert_says("link.ca: ");
	/* The console's stands in a key of its own. */
	folder_put_text("portolan.yaml", PLAIN "console:\n"
	    "  address: 127.0.0.1:0\n  tls:\n    certificate: US.pem\n"
	    "    key: US.key\n    client_ca: GB.key\n");
	assert_null(load(NULL));
	assert_says("13:16: console.tls.client_ca: ");
	/* Listeners of both kinds, and certificates near their end. */
	folder_put_text("portolan.yaml",
	    "region: US\nmain_region: US\nlisteners:\n"
	    "  - {name: a, address: 127.0.0.1:0, tls: "
	    "{certificate: soon.pem, key: soon.key}}\n"
	    "  - {name: b, address: 127.0.0.1:0, tls: "
	    "{certificate: past.pem, key: past.key}}\n"
	    "  - {name: l, address: 127.0.0.1:0, kind: link}\n"
	    "  - {name: c, address: 127.0.0.1:0, tls: "
	    "{certificate: early.pem, key: early.key}}\n"
	    "link: {certificate: US.pem, key: US.key, ca: ca.pem}\n");
	g = load(NULL);
	assert_non_null(g);
	assert_says("4:56: listeners[0].tls.certificate: warning: the "
	    "certificate expires in 3 days");
	assert_says("5:56: listeners[1].tls.certificate: warning: the "
	    "certificate has expired");
	assert_says("7:56: listeners[3].tls.certificate: warning: the "
	    "certificate is not good before 60 minutes from now");
	assert_non_null(g->listener_tls[0]);
	assert_non_null(g->listener_tls[1]);
	assert_non_null(g->listener_tls[2]);
	generation_free(&g);
}

static const struct {
	unsigned	 mode;
	const char	*says;		/* NULL: nothing */
} key_modes[] = {
	{ 0600, NULL }, { 0400, NULL }, { 0640, NULL }, { 0711, NULL },
	{ 0644, "others than its owner may read this key; chmod 600" },
	{ 0604, "may read this key" },
	{ 0660, "may change this key" },
	{ 0602, "may change this key" },
};

static const struct {
	const char	*file, *place;
} keys[] = {
	{ "US.key", "5:34: link.key: warning: " },
	{ "soon.key", "3:79: listeners[0].tls.key: warning: " },
	{ "past.key", "10:10: console.tls.key: warning: " },
	{ "GB.key", "12:47: engines.tls.key: warning: " },
	{ "seal.key", "13:9: engines.keys: warning: " },
	{ "follow.key", "14:17: engines.follow.key: warning: " },
	{ "address.key", "15:23: client_address.key: warning: " },
	{ "explain.key", "16:17: explain.keys: warning: " },
	{ "flow-tag.key", "17:24: policy.flow_tag_key: warning: " },
};

/* Each at its own place, and none keeps the service from starting. */
static void
keys_that_others_may_read_are_told(void **state)
{
	(void)state;
	for (size_t k = 4; k < sizeof(keys) / sizeof(*keys); k++) {
		folder_put_text(keys[k].file, k == 4 ? DIGITS DIGITS : DIGITS);
		chmod(folder_path(keys[k].file), 0600);
	}
	folder_put_text("portolan.yaml",
	    "region: US\nmain_region: US\n"
	    "listeners: [{name: a, address: 127.0.0.1:0, tls: {certificate: "
	    "soon.pem, key: soon.key}}]\n"
	    "hosts: {global: [flow.example.com]}\n"
	    "link: {certificate: US.pem, key: US.key, ca: ca.pem}\n"
	    "console:\n"
	    "  address: 127.0.0.1:0\n"
	    "  tls:\n"
	    "    certificate: past.pem\n"
	    "    key: past.key\n"
	    "engines:\n"
	    "  tls: {certificate: GB.pem, ca: ca.pem, key: GB.key, "
	    "server_name: a.b}\n"
	    "  keys: [seal.key]\n"
	    "  follow: {key: follow.key}\n"
	    "client_address: {key: address.key}\n"
	    "explain: {keys: [explain.key]}\n"
	    "policy: {flow_tag_key: flow-tag.key}\n");
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		for (size_t i = 0; i < sizeof(key_modes) / sizeof(*key_modes);
		    i++) {
			struct generation *g;
			size_t before;

			chmod(folder_path(keys[k].file), 0600);
			g = load(NULL);
			assert_non_null(g);
			before = mistakes.count;
			generation_free(&g);
			chmod(folder_path(keys[k].file), key_modes[i].mode);
			g = load(NULL);
			assert_non_null(g);
			generation_free(&g);
			assert_int_equal(mistakes.count - before,
			    key_modes[i].says != NULL);
			if (key_modes[i].says == NULL)
				continue;
			assert_says(keys[k].place);
			assert_says(key_modes[i].says);
		}
		chmod(folder_path(keys[k].file), 0600);
	}
}

static const struct {
	const char	*text;
	unsigned	 mode;
	const char	*says;		/* NULL: it is good */
} ticket_files[] = {
	{ DIGITS DIGITS "\n" DIGITS DIGITS "\n", 0640, NULL },
	{ DIGITS DIGITS, 0400, NULL },
	{ DIGITS DIGITS "\n", 0644, "tickets: others than its owner may read "
	    "it; chmod 640" },
	{ DIGITS DIGITS "\n", 0660, "may change it" },
	{ "\n\n", 0600, "tickets: holds no key; make one with: openssl rand "
	    "-hex 32" },
	{ DIGITS "\n", 0600, "tickets: key 1: does not hold 64 hexadecimal "
	    "digits" },
	{ DIGITS DIGITS "\nx" DIGITS DIGITS, 0600, "tickets: key 2: " },
	{ NULL, 0600, "tickets: cannot be opened: No such file or directory; "
	    "copy it here, or make one with: openssl rand -hex 32" },
};

static void
ticket_keys(void **state)
{
	(void)state;
	folder_put_text("portolan.yaml", PLAIN
	    "console: {address: 127.0.0.1:0}\ntls: {ticket_keys: tickets}\n");
	for (size_t i = 0; i < sizeof(ticket_files) / sizeof(*ticket_files);
	    i++) {
		struct generation *g;

		unlink(certificate_path("tickets"));
		if (ticket_files[i].text != NULL) {
			folder_put_text("tickets", ticket_files[i].text);
			chmod(certificate_path("tickets"),
			    ticket_files[i].mode);
		}
		g = load(NULL);
		assert_int_equal(g != NULL, ticket_files[i].says == NULL);
		if (ticket_files[i].says != NULL)
			assert_says(ticket_files[i].says);
		generation_free(&g);
	}
}

static void
old_databases_are_told(void **state)
{
	struct generation *g;
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text), "%s", PLAIN);
	memcpy(strstr(text, "warn_age: 90000d"), "warn_age: 1d    ", 16);
	folder_put_text("portolan.yaml", text);
	g = load(NULL);
	assert_non_null(g);
	assert_says("days ago; get a new one");
	generation_free(&g);
	memcpy(strstr(text, "max_age: 90000d"), "max_age: 2d    ", 15);
	folder_put_text("portolan.yaml", text);
	g = load(NULL);
	assert_says("more than geo.max_age allows");
	generation_free(&g);
}

/* The files that the project ships. */
static void
the_example_loads(void **state)
{
	struct generation *g = generation_load("conf/portolan.yaml", LOAD_PURE,
	    NULL, &mistakes);

	(void)state;
	assert_non_null(g);
	assert_int_equal(mistakes.errors, 0);
	assert_int_equal(g->policy.map->nregions, 6);
	assert_int_equal(g->expectations->count, 12);
	generation_free(&g);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, each_begin, each_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(everything_is_there),
		EACH(the_last_holder_is_told),
		EACH(bad_databases_are_held_back),
		EACH(damaged_databases_are_held_back),
		EACH(expectations_bind_the_map),
		EACH(a_mistake_leaves_nothing),
		EACH(pure_needs_neither_database_nor_keys),
		EACH(keys_of_testers_are_read),
		EACH(certificates),
		EACH(keys_that_others_may_read_are_told),
		EACH(ticket_keys),
		EACH(old_databases_are_told),
		EACH(the_example_loads),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
