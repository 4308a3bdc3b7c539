/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A condition that cannot be false.  Always compiled in: a program that finds
 * its own invariants broken stops where it notices, with file and line.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stdbool.h>

#define must(cond) \
	((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

_Noreturn void must_failed(const char *cond, const char *file, int line);

#endif
