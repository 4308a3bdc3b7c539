/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who asks, as proxies write it down: elements of Forwarded (RFC 7239) and
 * entries of X-Forwarded-For.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "base/addr.h"
#include "base/slice.h"

/*
 * The node of for= in one element of Forwarded (RFC 7239 4), unquoted.  False
 * if the element is malformed in any place, says something twice, or has no
 * for.
 */
bool forwarded_for(struct slice element, struct slice *node);

/*
 * The address in "ip", "ip:port", "[v6]" or "[v6]:port".  Nobody asks for the
 * port, so it may be any of RFC 7239 6: up to five digits, or "_name".  False
 * for anything else: "unknown" and "_name", and an IPv6 address with its zone,
 * which means something on the machine that wrote it alone.
 */
bool forwarded_addr(struct addr *addr, struct slice node);

#endif
