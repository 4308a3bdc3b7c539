/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who the children run as, and what they may no longer become.
 */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include <sys/types.h>

#include "base/err.h"

struct identity {
	bool		 change;	/* false: stay who we are */
	uid_t		 uid;
	gid_t		 gid;
};

/* user NULL: no change.  group NULL: the user's own.  Only root can change;
 * for anyone else naming another user is an error. */
bool identity_find(struct identity *id, const char *user, const char *group,
    struct err *err);

/* Makes the directory if it is missing, and the identity its owner. */
bool identity_own_dir(const struct identity *id, const char *dir,
    struct err *err);

/* The same for a socket's file; best effort. */
void identity_own_file(const struct identity *id, const char *path);

/* In the child: becomes it, and can gain no privileges any more. */
bool identity_assume(const struct identity *id, struct err *err);

/* As many descriptors as the system lets us have. */
void raise_descriptor_limit(void);

#endif
