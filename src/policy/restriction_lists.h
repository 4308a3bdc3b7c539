/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A restriction from the lists that a person or a program wrote: lenient with
 * case, strict with codes, and every wrong code named with the one that was
 * probably meant.
 */
#ifndef POLICY_RESTRICTION_LISTS_H
#define POLICY_RESTRICTION_LISTS_H

#include "policy/restrictions.h"

enum restriction_list {
	RESTRICTION_COUNTRIES, RESTRICTION_CONTINENTS, RESTRICTION_UNIONS,
	RESTRICTION_LISTS
};

/* The platform's names, and ours beside them: "countries" ... */
const char *restriction_list_name(enum restriction_list list);

/* One code into *r; false with the sentence in *err if it is none. */
bool restriction_add_code(struct restriction *r, enum restriction_list list,
    struct slice code, struct err *err);

#endif
