/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Words to the service manager: datagrams to $NOTIFY_SOCKET, written here
 * because that is all libsystemd would do (sd_notify(3)).  Without a manager
 * nothing happens.
 */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STATUS=...", several lines at once. */
void notify_manager(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* RELOADING=1 with its time stamp, as Type=notify-reload wants. */
void notify_reloading(void);

/* Milliseconds between two WATCHDOG=1 (half of what the manager allows);
 * 0: none are wanted. */
uint64_t notify_watchdog_ms(void);

#endif
