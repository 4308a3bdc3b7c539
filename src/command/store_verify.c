/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store verify: whether the others have of this region's states what
 * they may have.
 */
#include <stdio.h>

#include "command/command.h"
#include "command/store.h"
#include "policy/guid.h"

enum { WAIT_S = 10, WAIT_MOST_S = 3600 };

static bool
is_good(const struct store_verdict *v)
{
	return v->asked && !v->more && v->outside + v->left + v->missing +
	    v->old == 0;
}

static void
print_examples(struct buf *out, const struct store_verdict *v,
    const char *before, const char *between)
{
	char text[GUID_TEXT];

	for (size_t i = 0; i < v->nexamples; i++)
		buf_printf(out, "%s%s", i == 0 ? before : between,
		    guid_text(v->examples[i], text));
}

static void
print_json(struct buf *out, const struct store_verdict *v)
{
	buf_printf(out, "{\"region\":\"%s\",\"good\":%s", v->region,
	    is_good(v) ? "true" : "false");
	if (v->set != NULL)
		buf_printf(out, ",\"set\":\"%s\"", v->set);
	if (!v->asked) {
		buf_text(out, ",\"trouble\":");
		buf_json(out, slice_of(v->trouble));
		buf_char(out, '}');
		return;
	}
	buf_printf(out, ",\"copies\":%llu,\"outside\":%llu,\"left\":%llu,"
	    "\"missing\":%llu,\"old\":%llu,\"more\":%s,\"examples\":[",
	    (unsigned long long)v->copies, (unsigned long long)v->outside,
	    (unsigned long long)v->left, (unsigned long long)v->missing,
	    (unsigned long long)v->old, v->more ? "true" : "false");
	print_examples(out, v, "\"", "\",\"");
	buf_text(out, v->nexamples > 0 ? "\"]}" : "]}");
}

static void
print_text(struct buf *out, const struct store_verdict *v)
{
	buf_text(out, v->region);
	if (v->set != NULL)
		buf_printf(out, ", set %s", v->set);
	if (!v->asked) {
		buf_printf(out, ": not known: %s\n", v->trouble);
		return;
	}
	buf_printf(out, ": %llu copies, %s%llu may not be there, %llu have "
	    "ended here, %llu are missing, %llu old\n",
	    (unsigned long long)v->copies, v->more ? "at least " : "",
	    (unsigned long long)v->outside, (unsigned long long)v->left,
	    (unsigned long long)v->missing, (unsigned long long)v->old);
	print_examples(out, v, "  may not be there: ", ", ");
	if (v->nexamples > 0)
		buf_char(out, '\n');
}

static int
print_verdicts(const struct store_options *o, const struct store_verdict *v,
    size_t count)
{
	struct buf out = { 0 };
	bool good = true;

	if (o->json)
		buf_char(&out, '[');
	for (size_t i = 0; i < count; i++) {
		good = good && is_good(&v[i]);
		if (o->json && i > 0)
			buf_char(&out, ',');
		if (o->json)
			print_json(&out, &v[i]);
		else
			print_text(&out, &v[i]);
	}
	buf_text(&out, o->json ? "]\n" : count == 0 ?
	    "there is no other region\n" : "");
	return loading_print("store verify", &out, good ? EXIT_GOOD :
	    EXIT_FOUND);
}

struct verdicts {
	struct store_verdict list[(STORE_SETS_MAX + 1) * STORE_REGIONS_MAX];
	size_t		 count;
	uint64_t	 wait_s;
};

static bool
verify_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	struct verdicts *verdicts = arg;
	size_t count;
	bool good = store_postgres_verify(db, (unsigned)verdicts->wait_s,
	    &verdicts->list[verdicts->count], &count, err);

	(void)conninfo;
	verdicts->count += count;
	return good;
}

int
store_verify(int argc, char **argv)
{
	static struct verdicts verdicts = { .wait_s = WAIT_S };
	struct store_work w = { .g = NULL };
	const char *wait = NULL;
	const struct option_spec specs[] = {
		STORE_CONFIG(w.options),
		{ "wait", 0, "SECONDS", "for what is under way (10)",
		    .value = &wait },
		STORE_JSON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store verify", .about =
	    "Compares the states that are at home in this region with the "
	    "copies that the other\nregions' servers have (store.peers): "
	    "whether any is where it may not be, or was\nkept though it has "
	    "ended, is missing, or is old.", .options = specs };
	struct err err = { 0 };
	int end = store_ask(&w, &usage, argc, argv, false);

	if (end != OPTIONS_GO_ON)
		return end;
	if (wait != NULL && (!slice_to_u64(slice_of(wait),
	    &verdicts.wait_s) || verdicts.wait_s > WAIT_MOST_S))
		return options_mistake(&usage, "--wait: seconds, at most %d",
		    WAIT_MOST_S);
	end = store_read(&w, &usage);
	if (end != OPTIONS_GO_ON)
		return end;
	end = store_each(&w, w.g->config->store.postgres, NULL, verify_one,
	    &verdicts, &err) ? print_verdicts(&w.options, verdicts.list,
	    verdicts.count) : store_tell(
	    usage.command, &w.options, false, w.g->config->region, &err);
	store_end(&w);
	return end;
}
