/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store region: what this region's server gets from the others'.
 */
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/store.h"
#include "store/ownership.h"

#define COMMON(o)	STORE_CONFIG(o), STORE_ADMIN(o), STORE_JSON(o)

/* Another region of the map, by the operand. */
static const char *
other_region(const struct store_work *w, const struct usage *usage)
{
	const char *id = w->operands.item[0];

	if (region_find(w->g->policy.map, slice_of(id)) < 0)
		fprintf(stderr, "portolan %s: %s is no region of the map %s\n",
		    usage->command, id, w->g->policy.map->file);
	else if (strcmp(id, w->pg.home) == 0)
		fprintf(stderr, "portolan %s: %s is this region itself\n",
		    usage->command, id);
	else
		return id;
	return NULL;
}

/* What a command does in each database that both regions have. */
struct change {
	struct store_work *work;
	const struct usage *usage;
	const char	*region;	/* the other */
	const char	*from;
	bool		 forget;
};

static bool
is_main(const struct change *c, const struct store_postgres_config *db)
{
	return db->set == NULL && strcmp(c->region,
	    c->work->g->config->main_region) == 0;
}

static bool
add_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	const struct change *c = arg;
	const char *from = db->set == NULL ? c->from : store_postgres_conninfo(
	    c->work->arena, c->from, db, err);

	return from != NULL && store_postgres_subscribe(conninfo, db->home,
	    c->region, is_main(c, db), from, err);
}

/* What initial copies left at this region's own server goes; of what may be
 * somebody's it is told. */
static bool
sweep(const struct change *c, const struct store_postgres_config *db,
    const char *conninfo, const char *gone, struct err *err)
{
	static struct store_orphans orphans;
	char text[STORE_ORPHAN_TEXT];

	if (!store_postgres_orphans(conninfo, db, gone, true, &orphans, err))
		return false;
	for (size_t i = 0; i < orphans.count; i++) {
		const struct store_orphan *o = &orphans.list[i];

		fprintf(stderr, "portolan %s: %s: %s\n", c->usage->command,
		    o->name, o->is_left ? "left by an initial "
		    "copy that was not ended, and dropped" :
		    store_orphan_trouble(o, text));
	}
	return true;
}

static bool
remove_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	const struct change *c = arg;

	return store_postgres_unsubscribe(conninfo, db->home, c->region,
	    c->forget, err) && (!c->forget || sweep(c, db, conninfo,
	    c->region, err));
}

static bool
repair_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	const struct change *c = arg;

	return store_postgres_repair(conninfo, db->home, c->region,
	    is_main(c, db), err) && sweep(c, db, conninfo, NULL, err);
}

/* In each database that both have, if the operand names another region. */
static int
change_region(struct store_work *w, const struct usage *usage,
    struct change *c, store_each_fn *fn)
{
	struct err err = { 0 };
	int end = EXIT_USAGE;

	c->work = w;
	c->usage = usage;
	c->region = other_region(w, usage);
	if (c->region != NULL)
		end = store_tell(usage->command, &w->options, store_each(w,
		    w->options.admin, c->region, fn, c, &err), w->pg.home,
		    &err);
	store_end(w);
	return end;
}

static int
region_add(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const char *from = NULL;
	const struct option_spec specs[] = {
		{ "from", 0, "CONNINFO", "by which this region's server reaches "
		    "the other's, as role repl_...", .value = &from },
		COMMON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store region add",
	    .operands = "REGION", .least = 1, .most = 1, .about =
	    "This region's server begins to replicate what REGION's publishes "
	    "for it,\nin each database that both have.  Done once in each "
	    "region for each other; again,\nit changes the way there.",
	    .options = specs };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	if (from != NULL)
		return change_region(&w, &usage, &(struct change){
		    .from = from }, add_one);
	store_end(&w);
	return options_mistake(&usage, "from where? --from \"host=... "
	    "dbname=... user=repl_...\"");
}

static int
region_remove(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	bool forget = false;
	const struct option_spec specs[] = {
		{ "forget", 0, NULL, "without telling the other, which is gone "
		    "for good", .flag = &forget },
		COMMON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store region remove",
	    .operands = "REGION", .least = 1, .most = 1, .about =
	    "This region's server gets nothing more from REGION's.  What it "
	    "has stays.", .options = specs };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	return change_region(&w, &usage, &(struct change){ .forget = forget },
	    remove_one);
}

static int
region_repair(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = { COMMON(w.options), { 0 } };
	const struct usage usage = { .command = "store region repair",
	    .operands = "REGION", .least = 1, .most = 1, .about =
	    "After a slot was lost, or rows are missing: this region's server "
	    "ends its\nsubscription to REGION's and begins it again, with a "
	    "copy of all rows.", .options = specs };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	return change_region(&w, &usage, &(struct change){ .forget = false },
	    repair_one);
}

/* --- status ------------------------------------------------------------------------ */

static void
print_number(struct buf *out, const char *name, uint64_t value)
{
	if (value == STORE_PAIR_NEVER)
		buf_printf(out, ",\"%s\":null", name);
	else
		buf_printf(out, ",\"%s\":%llu", name,
		    (unsigned long long)value);
}

static void
print_json(struct buf *out, const struct store_pair *p)
{
	char text[STORE_PAIR_TEXT];
	const char *trouble = store_pair_trouble(p, text);

	buf_printf(out, "{\"name\":\"%s\",\"direction\":\"%s\",\"good\":%s",
	    p->name, p->outgoing ? "out" : "in", trouble == NULL ? "true" :
	    "false");
	if (trouble != NULL) {
		buf_text(out, ",\"trouble\":");
		buf_json(out, slice_of(trouble));
	}
	buf_printf(out, ",\"there\":%s,\"running\":%s", p->there ? "true" :
	    "false", p->running ? "true" : "false");
	print_number(out, "silent_ms", p->silent_ms);
	if (p->outgoing) {
		buf_printf(out, ",\"wal\":\"%s\",\"growth_bytes\":%lld",
		    p->wal_status, (long long)p->growth);
		print_number(out, "lag_ms", p->lag_ms);
		print_number(out, "behind_bytes", p->behind_bytes);
		print_number(out, "kept_bytes", p->kept_bytes);
		print_number(out, "room_bytes", p->room_bytes);
	} else {
		buf_printf(out, ",\"enabled\":%s,\"tables_waiting\":%u",
		    p->enabled ? "true" : "false", p->tables_waiting);
		print_number(out, "errors", p->errors);
	}
	buf_char(out, '}');
}

static void
print_outgoing(struct buf *out, const struct store_pair *p)
{
	buf_printf(out, "%llu bytes and %.1f s behind, %llu kept (%s)",
	    (unsigned long long)p->behind_bytes, (double)p->lag_ms / 1000,
	    (unsigned long long)p->kept_bytes, p->wal_status);
	if (p->growth != 0)
		buf_printf(out, " %+lld a second", (long long)p->growth);
	if (p->room_bytes != STORE_PAIR_NEVER)
		buf_printf(out, ", lost after %llu more",
		    (unsigned long long)p->room_bytes);
}

static void
print_text(struct buf *out, const struct store_pair *p)
{
	char text[STORE_PAIR_TEXT];
	const char *trouble = store_pair_trouble(p, text);

	buf_printf(out, "%-24s %-4s %-8s ", p->name, p->outgoing ? "out" :
	    "in", !p->there ? "missing" : !p->enabled ? "disabled" :
	    p->running ? "runs" : "stopped");
	if (p->outgoing)
		print_outgoing(out, p);
	else
		buf_printf(out, "%u tables not copied yet, %llu errors",
		    p->tables_waiting, (unsigned long long)p->errors);
	if (p->silent_ms != STORE_PAIR_NEVER)
		buf_printf(out, ", last word %.1f s ago",
		    (double)p->silent_ms / 1000);
	if (trouble != NULL)
		buf_printf(out, "\n%24s  %s", "", trouble);
	buf_char(out, '\n');
}

/* What else holds up the log here. */
static void
print_orphan(struct buf *out, const struct store_options *o,
    const struct store_orphan *orphan)
{
	char text[STORE_ORPHAN_TEXT];
	const char *trouble = store_orphan_trouble(orphan, text);

	if (!o->json) {
		buf_printf(out, "%-24s %-4s %-8s\n%24s  %s\n", orphan->name,
		    "out", "left", "", trouble);
		return;
	}
	buf_printf(out, "{\"name\":\"%s\",\"direction\":\"out\",\"good\":"
	    "false,\"trouble\":", orphan->name);
	buf_json(out, slice_of(trouble));
	buf_printf(out, ",\"there\":true,\"running\":false,\"kept_bytes\":"
	    "%llu}", (unsigned long long)orphan->kept_bytes);
}

static void
print_orphans(struct buf *out, const struct store_options *o,
    const struct store_orphans *orphans)
{
	for (size_t i = 0; i < orphans->count; i++) {
		if (o->json && out->len > 1)
			buf_char(out, ',');
		print_orphan(out, o, &orphans->list[i]);
	}
}

/* Of all databases. */
struct standing {
	struct store_pair pairs[(STORE_SETS_MAX + 1) * STORE_PAIRS_MAX];
	size_t		 npairs;
	struct store_orphans orphans[STORE_SETS_MAX + 1];
	size_t		 ndbs;
};

static int
print_status(const struct store_options *o, const struct standing *s)
{
	struct buf out = { 0 };
	char text[STORE_PAIR_TEXT];
	bool good = true;

	if (o->json)
		buf_char(&out, '[');
	for (size_t i = 0; i < s->npairs; i++) {
		good = good && store_pair_trouble(&s->pairs[i], text) == NULL;
		if (o->json && i > 0)
			buf_char(&out, ',');
		if (o->json)
			print_json(&out, &s->pairs[i]);
		else
			print_text(&out, &s->pairs[i]);
	}
	for (size_t i = 0; i < s->ndbs; i++) {
		good = good && s->orphans[i].count == 0;
		print_orphans(&out, o, &s->orphans[i]);
	}
	buf_text(&out, o->json ? "]\n" : s->npairs == 0 ?
	    "there is no other region\n" : "");
	return loading_print("store region status", &out, good ? EXIT_GOOD :
	    EXIT_FOUND);
}

static bool
ask_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	struct standing *s = arg;
	size_t count;

	if (!store_postgres_status(conninfo, db, &s->pairs[s->npairs], &count,
	    err) || !store_postgres_orphans(conninfo, db, NULL, false,
	    &s->orphans[s->ndbs], err))
		return false;
	s->npairs += count;
	s->ndbs++;
	return true;
}

static int
region_status(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = { COMMON(w.options), { 0 } };
	const struct usage usage = { .command = "store region status",
	    .about = "What this region's server gets from others (in), and "
	    "what they get from it (out):\nwhether it runs, how far it is "
	    "behind, how much of the log a slot holds, and what\nis wrong.  "
	    "Asks as an engine would, unless --admin is given.",
	    .options = specs };
	static struct standing standing;
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, false);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_each(&w, w.options.admin != NULL ? w.options.admin :
	    w.g->config->store.postgres, NULL, ask_one, &standing, &err) ?
	    print_status(&w.options, &standing) : store_tell(usage.command,
	    &w.options, false, w.pg.home, &err);
	store_end(&w);
	return end;
}

static bool
return_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	(void)arg;
	return store_postgres_take_back(conninfo, db, err);
}

static int
region_return(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = { COMMON(w.options), { 0 } };
	const struct usage usage = { .command = "store region return",
	    .about = "This region was lost and given over to a successor; it "
	    "is back, its states have\nbeen taken over, and the region maps "
	    "do not name its successor any more: from now\non it takes writes "
	    "again.", .options = specs };
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_tell(usage.command, &w.options, store_each(&w,
	    w.options.admin, NULL, return_one, NULL, &err), w.pg.home, &err);
	store_end(&w);
	return end;
}

static const struct command subcommands[] = {
	{ "add", "replicate from another region", region_add },
	{ "remove", "stop doing so", region_remove },
	{ "repair", "begin again with a copy of all rows", region_repair },
	{ "return", "it was lost, and is back", region_return },
	{ "status", "how replication stands, both ways", region_status },
};

int
store_region(int argc, char **argv)
{
	return command_group("store region", subcommands,
	    sizeof(subcommands) / sizeof(subcommands[0]), argc, argv);
}
