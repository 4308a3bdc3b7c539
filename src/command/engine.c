/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan engine`: one engine worker alone, without edge and master.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "command/command.h"
#include "command/engine_alone.h"
#include "command/options.h"
#include "engine/engine.h"
#include "master/child.h"
#include "master/sandbox.h"

/* A descriptor that whoever started us has opened, or -1. */
static int
descriptor(const char *text)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	return errno != 0 || *end != '\0' || end == text || fd < 0 ||
	    fd > 65535 ? -1 : (int)fd;
}

/* "0 5 engine US/0" */
static bool
read_worker(struct slice text, struct engine_options *options, char *name,
    size_t size)
{
	struct slice part;
	uint64_t number, fd;

	if (!slice_split(&text, ' ', &part) || !slice_to_u64(part, &number) ||
	    !slice_split(&text, ' ', &part) || !slice_to_u64(part, &fd) ||
	    number >= CONFIG_EMBEDDED_MAX || fd > INT32_MAX)
		return false;
	options->number = (unsigned)number;
	options->notify_fd = (int)fd;
	snprintf(name, size, "%.*s", SLICE_ARG(text));
	return true;
}

/*
 * A master that replaces its engine workers by those of a new program starts
 * them so: then this is a worker of its like the others.
 */
static bool
be_worker(struct engine_options *options)
{
	const char *worker = getenv(CHILD_WORKER);	/* not NULL */
	struct role role = { .kind = ROLE_ENGINE };
	char sandbox[SANDBOX_TEXT];
	static char name[48];
	struct mistakes mistakes;
	struct generation *g;
	struct err err;
	bool good;

	if (!read_worker(slice_of(worker), options, name, sizeof(name))) {
		log_error("%s: \"%s\" is none of a master's", CHILD_WORKER,
		    worker);
		return false;
	}
	unsetenv(CHILD_WORKER);
	fcntl(options->notify_fd, F_SETFD, FD_CLOEXEC);
	log_name(name);
	mistakes_init(&mistakes);
	g = generation_load(options->config_file, LOAD_PURE, NULL, &mistakes);
	mistakes_fini(&mistakes);
	if (g == NULL)
		return true;		/* which the engine tells in full */
	role.generation = g;
	good = sandbox_enter(&role, sandbox, &err);
	if (good)
		log_info("sandbox: %s", sandbox);
	else
		log_error("%s", err.text);
	generation_free(&g);
	return good;
}

static int
run_engine_alone(int argc, char **argv)
{
	const char *config = NULL, *fd = NULL;
	struct engine_options options = { .listen_fd = -1, .notify_fd = -1 };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(/etc/portolan/portolan.yaml)", .value = &config },
		{ "region", 0, "REGION", "where it stands (region of the "
		    "configuration)", .value = &options.region },
		{ "socket", 0, "PATH", "the UNIX socket to listen on",
		    .value = &options.socket },
		{ "listen", 0, "ADDRESS", "or the address and port, for TLS with "
		    "the certificates of the link", .value = &options.listen },
		{ "fd", 0, "N", "or a listening socket that is open already",
		    .value = &fd },
		{ "store", 0, "DIR", "where states are kept (engines.store)",
		    .value = &options.store_dir },
		{ "flows", 0, "DIR", "snapshots to run (engines.flows)",
		    .value = &options.flows_dir },
		{ 0 },
	};
	const struct usage usage = { .command = "engine", .about =
	    "Runs flows, answering the Run API until QUIT or TERM. HUP reads "
	    "configuration and flows anew.", .options = specs };
	struct operands none;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	if ((fd != NULL) + (options.socket != NULL) +
	    (options.listen != NULL) != 1)
		return options_mistake(&usage, "one of --socket, --listen and "
		    "--fd must say where to listen");
	if (fd != NULL && (options.listen_fd = descriptor(fd)) < 0)
		return options_mistake(&usage, "--fd: \"%s\" is no descriptor",
		    fd);
	options.config_file = config != NULL ? config :
	    "/etc/portolan/portolan.yaml";
	log_name("engine");
	return (getenv(CHILD_WORKER) != NULL ? be_worker(&options) :
	    engine_alone(&options)) ? engine_main(&options) : EXIT_FOUND;
}

const struct command command_engine = { "engine", "an engine worker alone",
    run_engine_alone };
