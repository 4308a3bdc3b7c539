/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Addresses, networks and endpoints as configurations and peers write them.
 * What is read must survive being written and read again.
 */
#include "base/addr.h"
#include "base/endpoint.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
there_and_back(const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	struct addr again;

	must(addr_parse(&again, slice_of(addr_text(addr, text))));
	must(addr_eq(addr, &again));
	again = addr_canonical(addr);
	must(again.family == ADDR_IP4 || addr_eq(addr, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	char endpoint_words[ENDPOINT_TEXT];
	struct endpoint endpoint, again;
	struct addr addr;
	struct cidr cidr;
	uint16_t port;

	if (addr_parse(&addr, text)) {
		there_and_back(&addr);
		must(addr_parse_port(&addr, &port, text) && port == 0);
	}
	if (addr_parse_port(&addr, &port, text))
		there_and_back(&addr);
	if (cidr_parse(&cidr, text) != CIDR_BAD) {
		there_and_back(&cidr.base);
		must(cidr_contains(&cidr, &cidr.base));
	}
	if (endpoint_parse(&endpoint, text)) {
		endpoint_text(&endpoint, endpoint_words);
		must(endpoint_parse(&again, slice_of(endpoint_words)));
		must(again.kind == endpoint.kind && again.port == endpoint.port);
	}
	return 0;
}
