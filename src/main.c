/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/command.h"

int
main(int argc, char **argv)
{
	return command_main(argc, argv);
}
