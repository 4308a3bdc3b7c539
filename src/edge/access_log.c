/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/access_log.h"

#include <string.h>
#include <unistd.h>

/* RFC 5424 6.2.4: visible ASCII. */
static const char *
host_name(char name[256])
{
	if (gethostname(name, 256) != 0)
		return "-";
	name[255] = '\0';
	for (const char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return "-";
	return name[0] == '\0' ? "-" : name;
}

/* "<134>1 " TIME " host portolan 4711 access - " LINE */
static void
write_syslog_head(struct access_style *style, struct arena *arena,
    const struct config_access *config)
{
	char name[256];

	style->syslog_before = slice_of(arena_printf(arena, "<%u>1 ",
	    config->facility * SYSLOG_FACILITY + SYSLOG_INFO));
	style->syslog_after = slice_of(arena_printf(arena,
	    " %s portolan %ld access - ", host_name(name), (long)getpid()));
}

bool
access_logs_take(struct access_logs *logs, struct arena *arena,
    struct log_writer *writer, const struct config *config, struct err *err)
{
	memset(logs, 0, sizeof(*logs));
	for (size_t i = 0; i < config->log.naccess; i++) {
		const struct config_access *c = &config->log.access[i];
		struct access_log *log = &logs->list[i];

		log->sink = log_sink_take(writer, c, err);
		if (log->sink == NULL) {
			access_logs_release(logs, writer);
			return err_wrap(err, "log.access");
		}
		logs->count++;
		logs->agents |= c->format == LOG_COMBINED;
		log->style = (struct access_style){ .format = c->format,
		    .addresses = config->log.addresses,
		    .address_key = config->address_key };
		if (c->target >= LOG_TO_UNIX)
			write_syslog_head(&log->style, arena, c);
	}
	return true;
}

void
access_logs_release(struct access_logs *logs, struct log_writer *writer)
{
	while (logs->count > 0)
		log_sink_release(writer, logs->list[--logs->count].sink);
}

void
access_logs_add(const struct access_logs *logs, unsigned worker,
    const struct access_record *record)
{
	for (unsigned i = 0; i < logs->count; i++) {
		const struct access_log *log = &logs->list[i];
		char *room = log_sink_room(log->sink, worker);

		if (room != NULL)
			log_sink_added(log->sink, worker, access_line(room,
			    record, &log->style));
	}
}

void
access_logs_flush(const struct access_logs *logs, unsigned worker)
{
	for (unsigned i = 0; i < logs->count; i++)
		log_sink_flush(logs->list[i].sink, worker);
}
