/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/stores.h"

#include "store/pair.h"

struct stores {
	struct store_pair pairs[STORE_PAIRS_MAX];	/* of the first engine that
						   knows of any */
	size_t		 npairs;
	uint64_t	 cut;		/* subscriptions, by any of them */
	uint64_t	 conflicts;	/* of states, as the server has them */
	uint64_t	 claims, forwards;	/* by all of them */
};

/* What an engine's store is like, in its engine's words. */
struct store_words {
	bool		 good;
	uint64_t	 cut, conflicts, claims, forwards;	/* store.h */
	struct slice	 trouble;	/* there may be some though it is good */
};

/* --- what was told ---------------------------------------------------------------- */

/* Of the first line; what is wrong is the rest of it. */
static bool
read_store(struct slice told, struct store_words *words)
{
	uint64_t *const numbers[] = { &words->cut, &words->conflicts,
	    &words->claims, &words->forwards };
	struct slice line, word;

	if (!slice_split(&told, '\n', &line) ||
	    !slice_split(&line, ' ', &word))
		return false;
	words->good = slice_is(word, "1");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!slice_split(&line, ' ', &word) ||
		    !slice_to_u64(word, numbers[i]))
			return false;
	words->trouble = line;
	return true;
}

/* False: it told nothing. */
static bool
store_told(const struct upstream *up, struct store_words *words)
{
	return read_store(upstream_told(up), words);
}

static bool
is_ours(const struct edge *edge, const struct upstream *up)
{
	return !up->spec.link &&
	    strcmp(up->spec.region, edge->plan->config->region) == 0;
}

static void
read_pairs(struct stores *stores, struct slice told)
{
	struct slice line;

	slice_split(&told, '\n', &line);	/* the store's own */
	while (stores->npairs < STORE_PAIRS_MAX &&
	    slice_split(&told, '\n', &line))
		stores->npairs += store_pair_read(
		    &stores->pairs[stores->npairs], line);
}

static void
stores_read(const struct edge *edge, struct stores *stores)
{
	const struct backends *b = &edge->plan->backends;
	struct store_words words;

	stores->npairs = 0;
	stores->cut = stores->conflicts = 0;
	stores->claims = stores->forwards = 0;
	for (size_t i = 0; i < b->count; i++) {
		struct slice told = upstream_told(b->all[i]);

		if (!is_ours(edge, b->all[i]) ||
		    !read_store(told, &words))
			continue;
		stores->cut += words.cut;
		stores->claims += words.claims;
		stores->forwards += words.forwards;
		/* All of them look at the same server. */
		if (words.conflicts > stores->conflicts)
			stores->conflicts = words.conflicts;
		if (stores->npairs == 0)
			read_pairs(stores, told);
	}
}

/* --- readyz -------------------------------------------------------------------------- */

static bool
write_stores(const struct edge *edge, struct buf *out)
{
	const struct backends *b = &edge->plan->backends;
	struct store_words words;
	bool all = true;

	for (size_t i = 0; i < b->count; i++)
		if (is_ours(edge, b->all[i]) &&
		    store_told(b->all[i], &words) &&
		    (!words.good || words.trouble.len > 0)) {
			all = false;
			buf_printf(out, "[-] store of %s: %.*s\n",
			    b->all[i]->name, SLICE_ARG(words.trouble));
		}
	return all;
}

/* Theirs to mend who administer servers: replication does not take the region
 * out of service. */
void
stores_write(const struct edge *edge, struct buf *out)
{
	char text[STORE_PAIR_TEXT];
	struct stores stores;
	bool all = true;

	if (write_stores(edge, out))
		buf_text(out, "[+] stores of this region's engines\n");
	stores_read(edge, &stores);
	if (stores.conflicts > 0)
		buf_printf(out, "[-] conflicts of %llu states: portolan store "
		    "conflicts list\n", (unsigned long long)stores.conflicts);
	for (size_t i = 0; i < stores.npairs; i++) {
		const char *trouble = store_pair_trouble(&stores.pairs[i],
		    text);

		if (trouble == NULL)
			continue;
		all = false;
		buf_printf(out, "[-] replication %s: %s\n",
		    stores.pairs[i].name, trouble);
	}
	if (all && stores.npairs > 0)
		buf_text(out, "[+] replication with the other regions\n");
}

/* --- metrics ------------------------------------------------------------------------- */

static double
seconds(uint64_t ms)
{
	return (double)ms / 1000;
}

static double
up(const struct store_pair *p)
{
	char text[STORE_PAIR_TEXT];

	return store_pair_trouble(p, text) == NULL;
}

static double
lag(const struct store_pair *p)
{
	return seconds(p->lag_ms);
}

static double
behind(const struct store_pair *p)
{
	return (double)p->behind_bytes;
}

static double
kept(const struct store_pair *p)
{
	return (double)p->kept_bytes;
}

static double
growth(const struct store_pair *p)
{
	return (double)p->growth;
}

static double
room(const struct store_pair *p)
{
	return (double)p->room_bytes;
}

static double
silent(const struct store_pair *p)
{
	return seconds(p->silent_ms);
}

static double
errors(const struct store_pair *p)
{
	return (double)p->errors;
}

static double
waiting(const struct store_pair *p)
{
	return p->tables_waiting;
}

static bool
is_any(const struct store_pair *p)
{
	(void)p;
	return true;
}

static bool
is_slot(const struct store_pair *p)
{
	return p->outgoing && p->there;
}

static bool
is_bounded(const struct store_pair *p)
{
	return is_slot(p) && p->room_bytes != STORE_PAIR_NEVER;
}

static bool
is_heard(const struct store_pair *p)
{
	return p->silent_ms != STORE_PAIR_NEVER;
}

static bool
is_subscription(const struct store_pair *p)
{
	return !p->outgoing && p->there;
}

static const struct {
	const char	*name, *type, *help;
	bool		(*has)(const struct store_pair *p);
	double		(*value)(const struct store_pair *p);
} families[] = {
	{ "portolan_replication_up", "gauge", "1 if nothing is wrong with it, "
	    "by pair of regions and direction.", is_any, up },
	{ "portolan_replication_lag_seconds", "gauge", "At least so long has a "
	    "region not confirmed what was written here.", is_slot, lag },
	{ "portolan_replication_behind_bytes", "gauge", "Of this region's log, "
	    "not confirmed by the other.", is_slot, behind },
	{ "portolan_replication_kept_bytes", "gauge", "Of this region's log, "
	    "kept for the other.", is_slot, kept },
	{ "portolan_replication_growth_bytes", "gauge", "By which that grew, a "
	    "second.", is_slot, growth },
	{ "portolan_replication_room_bytes", "gauge", "By which it may grow "
	    "until the slot is lost.", is_bounded, room },
	{ "portolan_replication_silent_seconds", "gauge", "Since the other "
	    "server's last word.", is_heard, silent },
	{ "portolan_replication_errors_total", "counter", "What arrived and "
	    "could not be applied.", is_subscription, errors },
	{ "portolan_replication_tables_waiting", "gauge", "Tables whose first "
	    "copy is not whole.", is_subscription, waiting },
};

static void
pairs_metrics(const struct stores *stores, struct buf *out)
{
	for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n",
		    families[k].name, families[k].help, families[k].name,
		    families[k].type);
		for (size_t i = 0; i < stores->npairs; i++) {
			const struct store_pair *p = &stores->pairs[i];

			if (families[k].has(p))
				buf_printf(out, "%s{pair=\"%s\",direction="
				    "\"%s\"} %.15g\n", families[k].name,
				    p->name, p->outgoing ? "out" : "in",
				    families[k].value(p));
		}
	}
}

void
stores_metrics(const struct edge *edge, struct buf *out)
{
	const struct backends *b = &edge->plan->backends;
	struct store_words words;
	struct stores stores;

	buf_text(out, "# HELP portolan_store_up 1 if the store works, as an "
	    "engine of this region says.\n# TYPE portolan_store_up gauge\n");
	for (size_t i = 0; i < b->count; i++)
		if (is_ours(edge, b->all[i]) &&
		    store_told(b->all[i], &words))
			buf_printf(out, "portolan_store_up{region=\"%s\","
			    "engine=\"%s\"} %d\n", b->all[i]->spec.region,
			    b->all[i]->name, words.good);
	stores_read(edge, &stores);
	pairs_metrics(&stores, out);
	buf_printf(out, "# HELP portolan_replication_cut_total Subscriptions "
	    "that asked for what is not meant for them, and were cut off; "
	    "regions that sent what no region makes.\n"
	    "# TYPE portolan_replication_cut_total counter\n"
	    "portolan_replication_cut_total %llu\n",
	    (unsigned long long)stores.cut);
	buf_printf(out, "# HELP portolan_store_conflicts States of which this "
	    "region had saved what its successor never saw.\n"
	    "# TYPE portolan_store_conflicts gauge\n"
	    "portolan_store_conflicts %llu\n"
	    "# HELP portolan_store_claims_total States that changed their home "
	    "to this region.\n# TYPE portolan_store_claims_total counter\n"
	    "portolan_store_claims_total %llu\n"
	    "# HELP portolan_store_forwards_total Saves that were sent to "
	    "another region, the state's home.\n"
	    "# TYPE portolan_store_forwards_total counter\n"
	    "portolan_store_forwards_total %llu\n",
	    (unsigned long long)stores.conflicts,
	    (unsigned long long)stores.claims,
	    (unsigned long long)stores.forwards);
}
