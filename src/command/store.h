/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the commands of `portolan store` share.
 */
#ifndef COMMAND_STORE_H
#define COMMAND_STORE_H

#include "command/loading.h"
#include "store/open.h"

struct store_options {
	const char	*config, *admin;
	bool		 json;
};

/* NULL, and said so, where there is no server to speak of. */
struct generation *store_load(const char *command,
    const struct store_options *o, struct store_postgres_config *pg,
    struct store_region regions[REGIONS_MAX]);

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
