/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Certificates and keys that root alone may read, for children that are not
 * root any more (net/lent_files.h).
 */
#ifndef MASTER_KEYS_H
#define MASTER_KEYS_H

#include "master/master.h"

/* Those that the configuration names for a child of this kind, and no others:
 * nobody who breaks into it can ask for more. */
void keys_give(int child_fd, enum role_kind kind, const struct config *config);

/* The same for an engine alone, which may have a listener with the certificate
 * of the link. */
void keys_give_alone(int fd, const struct config *config, bool listens);

#endif
