/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The region map's file, written by the one process that may: the console asks
 * for it, who has had the edge try the new map, and has it keep or undo when
 * the edge has taken it into service, or has not.  Only the file that the
 * configuration in service names; nobody can have another one written.
 */
#ifndef MASTER_MAP_FILE_H
#define MASTER_MAP_FILE_H

#include "conf/replace_file.h"

enum { MAP_FILE_BYTES = 1024 * 1024 };

/*
 * What the console has sent: "MAP REVISION\n" with the new content in a
 * memory file (fd, which is closed), "MAP keep\n", "MAP undo\n".  The reply
 * for it in answer: "MAP ok\n", or "MAP stale\n" or "MAP failed\n" and a
 * sentence.
 */
enum { MAP_FILE_ANSWER = 1000 };
void map_file_do(struct replaced *r, const char *path, const char *word,
    int fd, char answer[MAP_FILE_ANSWER]);

#endif
