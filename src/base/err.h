/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Why something a person asked for did not happen: what, where, what to do
 * next, in one sentence.  The caller owns the struct; the callee writes it
 * only when it fails.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

struct err {
	char	 text[1024];		/* longer sentences are cut */
};

/* Always returns false, so that a failing function can end with it. */
bool err_set(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " before what is there; returns false. */
bool err_wrap(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
