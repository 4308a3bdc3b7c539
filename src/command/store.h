/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the commands of `portolan store` share.
 */
#ifndef COMMAND_STORE_H
#define COMMAND_STORE_H

#include "command/loading.h"
#include "command/options.h"
#include "store/open.h"

struct store_options {
	const char	*config, *admin;
	bool		 json;
};

#define STORE_CONFIG(o) \
	{ "config", 'c', "FILE", "the configuration " \
	    "(" LOADING_DEFAULT_CONFIG ")", .value = &(o).config }
#define STORE_ADMIN(o) \
	{ "admin", 0, "CONNINFO", "of a superuser in the region's database", \
	    .value = &(o).admin }
#define STORE_JSON(o) \
	{ "json", 0, NULL, "answer as JSON", .flag = &(o).json }

/* What a command was asked to do, and the store that it is about. */
struct store_work {
	struct store_options options;
	struct operands	 operands;
	struct generation *g;		/* until store_end() */
	struct arena	*arena;		/* the same */
	struct store_postgres_config pg;	/* of the region's server, and all
					   others */
};

/* All three: OPTIONS_GO_ON, or the exit code when why not has been said.
 * With the words of the command line alone; admin: --admin has to be there. */
int store_ask(struct store_work *work, const struct usage *usage, int argc,
    char **argv, bool admin);
/* Reads the configuration; there has to be a server to speak of. */
int store_read(struct store_work *work, const struct usage *usage);
/* One after the other. */
int store_begin(struct store_work *work, const struct usage *usage, int argc,
    char **argv, bool admin);

void store_end(struct store_work *work);

/*
 * A region has one database for all regions, and may have others for sets of
 * them (pg.sets).  fn is called for each, with the conninfo of the first turned
 * to it; of those of a set only where its regions name other (NULL: all).  What
 * fails does not keep the others from being done; the first is told in *err.
 */
typedef bool store_each_fn(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err);
bool store_each(struct store_work *work, const char *conninfo,
    const char *other, store_each_fn *fn, void *arg, struct err *err);

/* Whether it went well; the exit code. */
int store_tell(const char *command, const struct store_options *o, bool good,
    const char *region, const struct err *err);

/* store_verify.c */
int store_verify(int argc, char **argv);

/* store_region.c */
int store_region(int argc, char **argv);
/* store_conflicts.c */
int store_conflicts(int argc, char **argv);
int store_status(int argc, char **argv);
/* store_copy.c */
int store_copy_command(int argc, char **argv);

#endif
