/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * For cppcheck alone: loops of Jansson, whose header it does not read.
 */
#ifndef SCRIPTS_CPPCHECK_MACROS_H
#define SCRIPTS_CPPCHECK_MACROS_H

#define json_array_foreach(a, i, v) \
	for (i = 0; (v = json_array_get(a, i)) != NULL; i++)
#define json_object_foreach(o, k, v) \
	for (k = 0; (v = json_object_get(o, k)) != NULL;)

#endif
