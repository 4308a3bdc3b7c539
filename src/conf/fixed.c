/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/fixed.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[FIXED_SETTINGS] = {
	"threads", "user", "group", "run_dir", "state_dir", "pid_file",
	"console.tls",
};

unsigned
config_threads(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = config->threads > 0 ? config->threads :
	    cores > 0 ? (unsigned)cores : 1;

	return n < CONFIG_THREADS_MAX ? n : CONFIG_THREADS_MAX;
}

static void
set(char *value, const char *text)
{
	snprintf(value, ENDPOINT_TEXT, "%s", text == NULL ? "none" : text);
}

/* The files; what is in them a reload reads anew. */
static void
set_tls(char *value, const struct config_console *console)
{
	if (console->tls.certificate == NULL)
		set(value, NULL);
	else
		snprintf(value, ENDPOINT_TEXT, "%s%s%s, %s",
		    console->client_ca == NULL ? "" : console->client_ca,
		    console->client_ca == NULL ? "" :
		    console->client_optional ? " (optional), " : ", ",
		    console->tls.certificate, console->tls.key);
}

/* In the order of names[]. */
void
fixed_settings_read(struct fixed_settings *settings,
    const struct config *config, unsigned threads)
{
	char (*value)[ENDPOINT_TEXT] = settings->value;

	snprintf(value[0], sizeof(value[0]), "%u", threads);
	set(value[1], config->user);
	set(value[2], config->group);
	set(value[3], config->run_dir);
	set(value[4], config->state_dir);
	set(value[5], config->pid_file);
	set_tls(value[6], &config->console);
}

unsigned
fixed_settings_compare(const struct fixed_settings *started,
    const struct config *now, struct buf *out)
{
	struct fixed_settings wanted;
	unsigned differ = 0;

	fixed_settings_read(&wanted, now, config_threads(now));
	for (size_t i = 0; i < FIXED_SETTINGS; i++) {
		if (strcmp(started->value[i], wanted.value[i]) == 0)
			continue;
		differ++;
		buf_printf(out, "%s: warning: %s: %s stays until a restart; "
		    "%s is not in use yet\n", now->file, names[i],
		    started->value[i], wanted.value[i]);
	}
	return differ;
}
