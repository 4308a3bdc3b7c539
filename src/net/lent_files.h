/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Certificates and keys that the master has opened for a child, which may no
 * longer do so: it was made for a user who may not read them.  They are lent
 * before files are read, at the start and for each reload, and given back
 * when that is done, so that nobody who breaks in later finds them open.
 */
#ifndef NET_LENT_FILES_H
#define NET_LENT_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* --- the child's side; any thread ------------------------------------------ */

/* What is asked for: all that the master's own reading of the files names. */
#define LENT_FILES_WORD "KEYS\n"

/* Asks for them and waits, one thread at a time; without a master (-1) there
 * are none.  False with *err if it does not answer: what could be read without
 * them still can. */
bool lent_files_ask(int master_fd, struct err *err);

/* Takes what the master has sent of itself, and does not wait. */
void lent_files_receive(int master_fd);

/* The same with a packet that another has received: false, with nothing done,
 * if it is not of these. */
bool lent_files_take(const char *text, const int *fds, int count);

/* Closes all. */
void lent_files_return(void);

/* The file from its beginning, lent or opened as any other; -1 and errno. A
 * lent file is read by one thread at a time. */
int lent_file_open(const char *path);

/* --- the master's side ------------------------------------------------------ */

/* Opens those of the names that are not NULL, sends them and tells that these
 * are all; what cannot be opened is left out, whoever wants it will see why. */
void lent_files_give(int child_fd, const char *const *names, size_t count);

#endif
