/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store status, and portolan store conflicts: what became of a region
 * that was lost, and of what only it had.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/store.h"
#include "store/ownership.h"

struct conflicts_work {
	struct store_work store;
	uint64_t	 number;
	const char	*set;
};

#define COMMON(w) \
	{ "set", 0, "SET", "in the database of that set (store.sets), eu_gb " \
	    "say", .value = &(w).set }, \
	STORE_CONFIG((w).store.options), STORE_ADMIN((w).store.options), \
	STORE_JSON((w).store.options)

/* Each database numbers its own. */
static bool
choose_set(struct conflicts_work *w, const struct usage *usage)
{
	struct store_work *store = &w->store;
	struct err err;

	for (size_t i = 0; w->set != NULL && i < store->pg.nsets; i++) {
		const struct store_postgres_config *db = &store->pg.sets[i];

		if (strcmp(db->set, w->set) != 0)
			continue;
		store->options.admin = store_postgres_conninfo(store->arena,
		    store->options.admin, db, &err);
		store->pg = *db;
		if (store->options.admin != NULL)
			return true;
		fprintf(stderr, "portolan %s: --admin: %s\n", usage->command,
		    err.text);
		return false;
	}
	if (w->set != NULL)
		fprintf(stderr, "portolan %s: store.sets has no set %s\n",
		    usage->command, w->set);
	return w->set == NULL;
}

/* OPTIONS_GO_ON, or the exit code. */
static int
begin(struct conflicts_work *w, const struct usage *usage, int argc,
    char **argv)
{
	int end = store_ask(&w->store, usage, argc, argv, true);
	const char *number = w->store.operands.item[0];

	if (end != OPTIONS_GO_ON)
		return end;
	if (usage->most > 0 && (!slice_to_u64(slice_of(number), &w->number) ||
	    w->number == 0))
		return options_mistake(usage, "%s is no number of a conflict; "
		    "portolan store conflicts list has them", number);
	end = store_read(&w->store, usage);
	if (end != OPTIONS_GO_ON || choose_set(w, usage))
		return end;
	store_end(&w->store);
	return EXIT_USAGE;
}

static int
fail(const struct conflicts_work *w, const char *command,
    const struct err *err)
{
	return store_tell(command, &w->store.options, false,
	    w->store.pg.home, err);
}

/* --- list and show -------------------------------------------------------------------- */

static void
print_json(struct buf *out, const struct store_conflict *c)
{
	buf_printf(out, "{\"number\":%" PRIu64 ",\"id\":\"%s\",\"tenant\":"
	    "\"%s\",\"flow\":\"%s\",\"token\":\"%u.%" PRIu64 "\",\"updated_ms\""
	    ":%" PRId64 ",\"bytes\":%" PRIu64 ",\"noted\":\"%s\"", c->number,
	    c->id, c->tenant, c->flow, c->token.epoch, c->token.version,
	    c->updated_ms, c->bytes, c->noted);
	if (c->winner[0] != '\0')
		buf_printf(out, ",\"winner\":{\"region\":\"%s\",\"token\":\"%u."
		    "%" PRIu64 "\",\"bytes\":%" PRIu64 "}", c->winner,
		    c->winner_token.epoch, c->winner_token.version,
		    c->winner_bytes);
	buf_char(out, '}');
}

static void
print_text(struct buf *out, const struct store_conflict *c)
{
	buf_printf(out, "%" PRIu64 ": state %s of tenant %s, flow %s\n"
	    "  saved here:    version %u.%" PRIu64 ", %" PRIu64 " bytes\n",
	    c->number, c->id, c->tenant, c->flow, c->token.epoch,
	    c->token.version, c->bytes);
	if (c->winner[0] != '\0')
		buf_printf(out, "  went on in %s: version %u.%" PRIu64 ", %"
		    PRIu64 " bytes when that was noticed, %s\n", c->winner,
		    c->winner_token.epoch, c->winner_token.version,
		    c->winner_bytes, c->noted);
	else
		buf_printf(out, "  nobody else had it, %s\n", c->noted);
}

static int
print_conflicts(struct conflicts_work *w, const char *command, int good)
{
	struct arena *arena = arena_new(0);
	struct store_conflicts found;
	struct buf out = { 0 };
	struct err err = { 0 };
	int end;

	if (!store_postgres_conflicts(arena, w->store.options.admin,
	    w->store.pg.home, w->number, &found, &err)) {
		end = fail(w, command, &err);
		arena_free(&arena);
		return end;
	}
	if (w->store.options.json)
		buf_char(&out, '[');
	for (size_t i = 0; i < found.count; i++) {
		if (w->store.options.json && i > 0)
			buf_char(&out, ',');
		if (w->store.options.json)
			print_json(&out, &found.list[i]);
		else
			print_text(&out, &found.list[i]);
	}
	buf_text(&out, w->store.options.json ? "]\n" : found.count == 0 ?
	    "there is no conflict\n" : "");
	arena_free(&arena);
	return loading_print(command, &out, found.count == 0 ? EXIT_GOOD :
	    good);
}

static int
conflicts_list(int argc, char **argv)
{
	struct conflicts_work w = { .number = 0 };
	const struct option_spec specs[] = { COMMON(w), { 0 } };
	const struct usage usage = { .command = "store conflicts list",
	    .about = "The states of which this region had saved what its "
	    "successor never saw when it\ntook them over; at most 1000, oldest "
	    "first.", .options = specs };
	int end = begin(&w, &usage, argc, argv);

	if (end != OPTIONS_GO_ON)
		return end;
	end = print_conflicts(&w, usage.command, EXIT_FOUND);
	store_end(&w.store);
	return end;
}

static int
print_body(struct conflicts_work *w, const char *command, bool winners)
{
	struct buf body = { 0 };
	struct err err = { 0 };

	if (store_postgres_conflict_body(w->store.options.admin,
	    w->store.pg.home, w->number, winners, &body, &err))
		return loading_print(command, &body, EXIT_GOOD);
	buf_fini(&body);
	return fail(w, command, &err);
}

static int
conflicts_show(int argc, char **argv)
{
	struct conflicts_work w = { .number = 0 };
	const char *body = NULL;
	const struct option_spec specs[] = {
		{ "body", 0, "WHOSE", "what was saved instead: here, or winner",
		    .value = &body },
		COMMON(w),
		{ 0 },
	};
	const struct usage usage = { .command = "store conflicts show",
	    .operands = "NUMBER", .least = 1, .most = 1, .about =
	    "One conflict: which state, what was saved here and what went on "
	    "elsewhere.", .options = specs };
	int end = begin(&w, &usage, argc, argv);

	if (end != OPTIONS_GO_ON)
		return end;
	if (body == NULL)
		end = print_conflicts(&w, usage.command, EXIT_GOOD);
	else if (strcmp(body, "here") == 0 || strcmp(body, "winner") == 0)
		end = print_body(&w, usage.command, body[0] == 'w');
	else
		end = options_mistake(&usage, "--body: here or winner");
	store_end(&w.store);
	return end;
}

/* --- their ends ------------------------------------------------------------------------- */

static int
tell_end(const char *command, struct conflicts_work *w, bool good,
    const char *what, const struct err *err)
{
	struct buf out = { 0 };

	if (!good)
		return fail(w, command, err);
	if (w->store.options.json)
		buf_printf(&out, "{\"number\":%" PRIu64 ",\"end\":\"%s\"}\n",
		    w->number, what);
	else
		buf_printf(&out, "conflict %" PRIu64 ": %s\n", w->number,
		    what);
	return loading_print(command, &out, EXIT_GOOD);
}

static int
conflicts_keep(int argc, char **argv)
{
	struct conflicts_work w = { .number = 0 };
	const struct option_spec specs[] = { COMMON(w), { 0 } };
	const struct usage usage = { .command = "store conflicts keep",
	    .operands = "NUMBER", .least = 1, .most = 1, .about =
	    "What this region had saved becomes the state's next version, "
	    "wherever it is at home\nnow (store.peers); what was saved there "
	    "meanwhile is written over.", .options = specs };
	struct err err = { 0 };
	int end = begin(&w, &usage, argc, argv);

	if (end != OPTIONS_GO_ON)
		return end;
	end = tell_end(usage.command, &w, store_postgres_conflict_keep(
	    w.store.options.admin, &w.store.pg, w.number, &err), "kept", &err);
	store_end(&w.store);
	return end;
}

static int
conflicts_drop(int argc, char **argv)
{
	struct conflicts_work w = { .number = 0 };
	const struct option_spec specs[] = { COMMON(w), { 0 } };
	const struct usage usage = { .command = "store conflicts drop",
	    .operands = "NUMBER", .least = 1, .most = 1, .about =
	    "What this region had saved is given up for good.",
	    .options = specs };
	struct err err = { 0 };
	int end = begin(&w, &usage, argc, argv);

	if (end != OPTIONS_GO_ON)
		return end;
	end = tell_end(usage.command, &w, store_postgres_conflict_drop(
	    w.store.options.admin, w.store.pg.home, w.number, &err),
	    "dropped", &err);
	store_end(&w.store);
	return end;
}

static const struct command subcommands[] = {
	{ "list", "what only this region had", conflicts_list },
	{ "show", "one of them, and what was saved", conflicts_show },
	{ "keep", "it becomes the state's next version", conflicts_keep },
	{ "drop", "it is given up", conflicts_drop },
};

int
store_conflicts(int argc, char **argv)
{
	return command_group("store conflicts", subcommands,
	    sizeof(subcommands) / sizeof(subcommands[0]), argc, argv);
}

/* --- status ------------------------------------------------------------------------------ */

static int
print_standing(const struct store_options *o, const char *here,
    const struct store_standing *s)
{
	struct buf out = { 0 };

	if (o->json) {
		buf_printf(&out, "{\"region\":\"%s\",\"states\":%" PRIu64
		    ",\"moving\":%" PRIu64 ",\"conflicts\":%" PRIu64
		    ",\"successor\":\"%s\",\"waiting\":%" PRIu64 "}\n", here,
		    s->states, s->moving, s->conflicts, s->successor,
		    s->waiting);
	} else {
		buf_printf(&out, "%" PRIu64 " states are at home in region %s, "
		    "%" PRIu64 " of them on their way elsewhere\n", s->states,
		    here, s->moving);
		if (s->successor[0] != '\0')
			buf_printf(&out, "it was given over to %s, who have "
			    "still to take %" PRIu64 " states\n", s->successor,
			    s->waiting);
		if (s->conflicts > 0)
			buf_printf(&out, "%" PRIu64 " conflicts: portolan "
			    "store conflicts list\n", s->conflicts);
	}
	return loading_print("store status", &out, s->successor[0] != '\0' ||
	    s->conflicts > 0 ? EXIT_FOUND : EXIT_GOOD);
}

/* All databases' together. */
static bool
stand_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	struct store_standing *all = arg, one;

	if (!store_postgres_standing(conninfo, db->home, &one, err))
		return false;
	all->waiting += one.waiting;
	all->states += one.states;
	all->moving += one.moving;
	all->conflicts += one.conflicts;
	if (all->successor[0] == '\0')
		memcpy(all->successor, one.successor, sizeof(one.successor));
	return true;
}

int
store_status(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = { STORE_CONFIG(w.options),
		STORE_ADMIN(w.options), STORE_JSON(w.options), { 0 } };
	const struct usage usage = { .command = "store status", .about =
	    "How many states are at home in this region, whether it was given "
	    "over to another,\nand what conflicts that has left.  Asks as an "
	    "engine would, unless --admin is given.", .options = specs };
	struct store_standing standing = { .states = 0 };
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, false);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_each(&w, w.options.admin != NULL ? w.options.admin :
	    w.g->config->store.postgres, NULL, stand_one, &standing,
	    &err) ? print_standing(&w.options, w.pg.home,
	    &standing) : store_tell(usage.command, &w.options, false,
	    w.pg.home, &err);
	store_end(&w);
	return end;
}
