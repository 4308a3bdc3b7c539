/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan geodb: makes MMDB files from text, verifies them as the service
 * would, and shows what is in them.
 */
#include "command/geodb.h"

#include <stdio.h>

static const struct command subcommands[] = {
	{ "build", "make an MMDB file from ranges as text", geodb_build },
	{ "check", "verify a database as the service would", geodb_check },
	{ "show", "what a database says of itself and of addresses",
	    geodb_show },
};

static int
run_geodb(int argc, char **argv)
{
	return command_group("geodb", subcommands,
	    sizeof(subcommands) / sizeof(subcommands[0]), argc, argv);
}

const struct command command_geodb = { "geodb",
    "make, verify and read geo databases", run_geodb };

/* Seconds since 1970 as 2026-06-25T04:33:59Z. */
static const char *
geodb_date(uint64_t epoch, char date[CLOCK_TEXT_MAX])
{
	clock_text(epoch * 1000, date);
	snprintf(date + sizeof("YYYY-MM-DDTHH:MM:SS") - 1, 2, "Z");
	return date;
}

void
geodb_json_info(struct buf *b, const char *path, const struct mmdb *db)
{
	const struct mmdb_info *i = mmdb_info(db);
	char date[CLOCK_TEXT_MAX];

	buf_text(b, "{\"file\":");
	buf_json(b, slice_of(path));
	buf_text(b, ",\"good\":true,\"type\":");
	buf_json(b, slice_of(i->type));
	buf_printf(b, ",\"built\":\"%s\",\"build_epoch\":%llu,\"ip_version\":%u,"
	    "\"nodes\":%zu,\"records\":%zu,\"bytes\":%zu,\"countries\":%u,"
	    "\"ip4_located\":%.6f}", geodb_date(i->build_epoch, date),
	    (unsigned long long)i->build_epoch, i->ip_version, i->nodes,
	    i->records, i->bytes, i->usable_countries, i->ip4_located);
}

void
geodb_text_info(struct buf *b, const struct mmdb *db)
{
	const struct mmdb_info *i = mmdb_info(db);
	char date[CLOCK_TEXT_MAX];

	buf_printf(b, "%s, built %s, %s, %zu nodes, %zu records, %u countries, "
	    "%.1f %% of IPv4 located", i->type,
	    geodb_date(i->build_epoch, date),
	    i->ip_version == 4 ? "IPv4 only" : "IPv4 and IPv6", i->nodes,
	    i->records, i->usable_countries, i->ip4_located * 100);
}

void
geodb_print(struct buf *b)
{
	fwrite(buf_cstr(b), 1, b->len, stdout);
	buf_clear(b);
}
