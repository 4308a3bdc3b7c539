/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void
must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "portolan: %s:%d: must hold: %s\n", file, line, cond);
	abort();
}
