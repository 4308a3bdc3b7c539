/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Single values as a configuration file writes them.  Each function reads the
 * whole text or returns false with *err saying what is wrong with it and how
 * to write it; nothing is rounded or guessed.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/slice.h"
#include "geo/country.h"

/* 'text' in quotes, long ones cut: for sentences. */
const char *value_quote(struct arena *arena, struct slice text);

/* "250ms", "10s", "5m", "1h", "30d"; "0" needs no unit. */
bool value_duration(uint64_t *ms, struct slice text, struct err *err);

/* The same as a person writes it: the largest unit that is whole. */
enum { VALUE_TEXT = 32 };
const char *value_duration_text(uint64_t ms, char text[VALUE_TEXT]);

/* "4096", "64KiB", "1MiB", "1GiB". */
bool value_size(uint64_t *bytes, struct slice text, struct err *err);
const char *value_size_text(uint64_t bytes, char text[VALUE_TEXT]);

bool value_number(uint64_t *number, struct slice text, struct err *err);

/* "-33.87": digits with at most one point and one minus sign. */
bool value_real(double *real, struct slice text, struct err *err);

/* "1%", "0.5%", "100%": 0 .. 1. */
bool value_share(double *share, struct slice text, struct err *err);

/* "true" and "false" alone. */
bool value_bool(bool *value, struct slice text, struct err *err);

bool value_endpoint(struct endpoint *endpoint, struct slice text,
    struct err *err);

/* A network or an address.  Host bits and IPv4 written as IPv6 are refused,
 * naming the network that was probably meant. */
bool value_cidr(struct cidr *cidr, struct slice text, struct err *err);

/* Upper-case codes of the country table; the likely one is suggested. */
bool value_country(uint16_t *country, struct slice text, struct err *err);
bool value_continent(enum continent *continent, struct slice text,
    struct err *err);
bool value_union(enum union_id *id, struct slice text, struct err *err);

/* A DNS name without port, wildcard and final dot; lower case in arena. */
bool value_host(const char **host, struct arena *arena, struct slice text,
    struct err *err);

/* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, hexadecimal in any case. */
bool value_guid(struct slice text, struct err *err);

/* YYYY-MM-DD; days since 1970. */
bool value_date(int64_t *day, struct slice text, struct err *err);

/* An absolute path of a URL: no query, escapes, dots or empty segments. */
bool value_url_path(struct slice text, struct err *err);

#endif
