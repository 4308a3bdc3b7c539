/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The second thing that `portolan explain` does, in a file of its own.
 */
#ifndef COMMAND_EXPLAIN_H
#define COMMAND_EXPLAIN_H

/* `portolan explain token`: lets a tester see why. */
int explain_token(int argc, char **argv);

#endif
