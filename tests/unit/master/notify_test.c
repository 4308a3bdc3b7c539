/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/notify.h"

static void
words_reach_the_manager(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char name[64], text[128] = "";
	socklen_t len;

	(void)state;
	snprintf(name, sizeof(name), "@portolan-notify-%ld", (long)getpid());
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name));
	memcpy(un.sun_path, name, strlen(name));
	un.sun_path[0] = '\0';		/* an abstract name */
	assert_int_equal(bind(fd, (struct sockaddr *)&un, len), 0);

	setenv("NOTIFY_SOCKET", name, 1);
	notify_manager("READY=1\nSTATUS=%s", "Serving");
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "READY=1\nSTATUS=Serving");
	memset(text, 0, sizeof(text));
	notify_reloading();
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);

	unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");	/* nobody is told */
	assert_true(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0);
	close(fd);
}

static void
the_watchdog_is_asked_for_by_pid(void **state)
{
	char us[16];

	(void)state;
	snprintf(us, sizeof(us), "%ld", (long)getpid());
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 15000);	/* half of it */
	setenv("WATCHDOG_PID", us, 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_PID", us, 1);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_reach_the_manager),
		cmocka_unit_test(the_watchdog_is_asked_for_by_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
