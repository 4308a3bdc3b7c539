/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"

/* "@name" is an abstract socket: its first byte is a NUL. */
static socklen_t
manager_address(struct sockaddr_un *un)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path == NULL ? 0 : strlen(path);

	if (len == 0 || len >= sizeof(un->sun_path))
		return 0;
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(un->sun_path, path, len);
	if (path[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
notify_manager(const char *fmt, ...)
{
	struct sockaddr_un un;
	socklen_t un_len = manager_address(&un);
	char text[512];
	va_list ap;
	int fd, len;

	if (un_len == 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&un,
	    un_len);
	close(fd);
}

void
notify_reloading(void)
{
	notify_manager("RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)clock_us());
}

uint64_t
notify_watchdog_ms(void)
{
	struct slice usec = slice_of(getenv("WATCHDOG_USEC"));
	struct slice pid = slice_of(getenv("WATCHDOG_PID"));
	uint64_t every, whose = (uint64_t)getpid();

	if (!slice_to_u64(usec, &every) ||
	    (pid.p != NULL && !slice_to_u64(pid, &whose)) ||
	    whose != (uint64_t)getpid())
		return 0;
	return every / 2000;
}
