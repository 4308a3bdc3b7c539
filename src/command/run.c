/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan run`: the service.  Tells the master what each role is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/options.h"
#include "console/console.h"
#include "edge/edge.h"
#include "engine/engine.h"
#include "master/master.h"

static int
run_edge(const struct role *role)
{
	struct edge_options options = { .config_file = role->config_file,
	    .threads = role->threads, .notify_fd = role->notify_fd,
	    .heir = role->heir, .sandbox = role->sandbox,
	    .state_dir = role->was_ready ?
		role->generation->config->state_dir : NULL };

	return edge_main(&options);
}

static int
run_engine(const struct role *role)
{
	const struct config *config = role->generation->config;
	struct engine_options options = {
		.config_file = role->config_file,
		.region = config->region,
		.listen_fd = sockets_find(role->sockets, "engine", 0),
		.number = role->number,
		.notify_fd = role->notify_fd,
	};

	return engine_main(&options);
}

static int
run_console(const struct role *role)
{
	char path[256];
	struct console_options options = {
		.config = role->generation->config,
		.edge_socket = path,
		.tcp_fd = sockets_find(role->sockets, "console", 0),
		.admin_fd = sockets_find(role->sockets, "admin", 0),
		.reader_fd = sockets_find(role->sockets, "reader", 0),
		.notify_fd = role->notify_fd,
	};

	snprintf(path, sizeof(path), "%s/" EDGE_CONTROL_SOCKET,
	    role->generation->config->run_dir);
	return console_main(&options);
}

static int
run_run(int argc, char **argv)
{
	const char *config = NULL;
	bool test = false, dump = false;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(/etc/portolan/portolan.yaml)", .value = &config },
		{ "test", 't', NULL, "do not serve, but check, as `portolan "
		    "check` does", .flag = &test },
		{ "dump", 'T', NULL, "the same, and write what would be in "
		    "force, with every default", .flag = &dump },
		{ 0 },
	};
	const struct usage usage = { .command = "run", .about =
	    "Serves until QUIT or TERM: a master, the edge, its engine workers "
	    "and the console. HUP reloads, USR1 reopens logs, USR2 upgrades.",
	    .options = specs };
	struct master_options options = {
	    .control_socket = EDGE_CONTROL_SOCKET, .roles = {
	    [ROLE_EDGE] = run_edge, [ROLE_ENGINE] = run_engine,
	    [ROLE_CONSOLE] = run_console } };
	struct operands none;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	options.config_file = config != NULL ? config :
	    "/etc/portolan/portolan.yaml";
	if (access(options.config_file, R_OK) != 0) {
		fprintf(stderr, "portolan run: %s: %s\n", options.config_file,
		    strerror(errno));
		return EXIT_USAGE;
	}
	if (test || dump)
		return check_configuration(options.config_file, dump);
	return master_run(&options);
}

const struct command command_run = { "run", "the service", run_run };
