/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan map diff`: what another region map, or another database, sends
 * elsewhere: countries, networks, address space and restricted flows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/map.h"
#include "command/options.h"
#include "conf/restrictions_file.h"
#include "policy/map_changes.h"

struct options {
	const char	*config, *database, *new_database;
	bool		 json;
};

/* --- the command ------------------------------------------------------------------------- */

/* The old database under the old map, the new one (or the same) under the
 * new.  Without any database there are no shares to tell. */
static bool
find_shares(struct map_inputs *in, const struct options *o,
    struct map_changes *c)
{
	struct mmdb *old, *new = NULL;
	struct geo_table *a, *b;

	if (!map_inputs_database(in, o->database, &old))
		return false;
	if (o->new_database != NULL &&
	    !map_inputs_database(in, o->new_database, &new)) {
		mmdb_close(&old);
		return false;
	}
	if (old == NULL && new == NULL)
		return true;
	a = geo_table_build(old, c->old);
	b = geo_table_build(new != NULL ? new : old, c->new);
	geo_table_diff(a, b, &c->shares);
	c->has_shares = true;
	geo_table_free(&a);
	geo_table_free(&b);
	mmdb_close(&old);
	mmdb_close(&new);
	return true;
}

static int
diff(struct map_inputs *in, const struct options *o, const char *old,
    const char *new)
{
	static const uint8_t no_key[16];
	struct map_changes c = { .arena = in->arena };
	struct buf out = { 0 };

	c.old = map_inputs_map(in, old);
	c.new = new == NULL ? c.old : map_inputs_map(in, new);
	c.restrictions = restrictions_file_load(in->arena,
	    in->config == NULL ? NULL : in->config->policy.restrictions,
	    no_key, 1, &in->mistakes);
	if (!loading_tell(in->command, &in->mistakes) || c.old == NULL ||
	    c.new == NULL || !find_shares(in, o, &c))
		return EXIT_USAGE;
	map_changes_find(&c);
	if (o->json) {
		map_changes_json(&out, &c);
		buf_char(&out, '\n');
	} else {
		map_changes_text(&out, &c);
	}
	return loading_print(in->command, &out, map_changes_any(&c) ?
	    EXIT_FOUND : EXIT_GOOD);
}

int
map_diff(int argc, char **argv)
{
	struct options o = { .json = false };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "its map is OLD, if one MAP is "
		    "given; its restrictions are tried", .value = &o.config },
		{ "database", 0, "FILE", "for the share of the address space "
		    "(the configuration's)", .value = &o.database },
		{ "new-database", 0, "FILE", "for NEW, if it is another one",
		    .value = &o.new_database },
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "map diff",
	    .operands = "[OLD] NEW", .options = specs, .most = 2, .about =
	    "Names each country that changes region, the share of IPv4 and of "
	    "allocated IPv6\nspace that does, and the restricted flows whose "
	    "requests go elsewhere. Exit code\n0 if nothing differs, 1 if "
	    "something does, 2 for mistakes." };
	struct operands maps;
	struct map_inputs in;
	const char *old, *new;
	int end = options_parse(&usage, argc, argv, &maps);

	if (end != OPTIONS_GO_ON)
		return end;
	if (maps.count < 2 && o.config == NULL)
		return options_mistake(&usage, "give OLD and NEW, or --config "
		    "and NEW");
	if (maps.count == 0 && o.new_database == NULL)
		return options_mistake(&usage, "compare with what? Give a "
		    "NEW map or --new-database");
	old = maps.count == 2 ? maps.item[0] : NULL;
	new = maps.count > 0 ? maps.item[maps.count - 1] : NULL;
	map_inputs_init(&in, usage.command);
	if (!map_inputs_config(&in, o.config))
		return map_inputs_stop(&in);
	end = diff(&in, &o, old, new);
	map_inputs_fini(&in);
	return end;
}
