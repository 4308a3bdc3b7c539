/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/hmac.h"

/* RFC 4231, cases 1, 2 and 7. */
static const struct {
	const char	*key, *text, *mac;
} macs[] = {
	{ "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
	    "\x0b\x0b\x0b\x0b", "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "Jefe", "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ NULL, "This is a test using a larger than block-size key and a larger "
	    "than block-size data. The key needs to be hashed before being used "
	    "by the HMAC algorithm.",
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

static void
known_macs(void **state)
{
	char large[131], text[2 * HMAC_BYTES + 1];
	uint8_t mac[HMAC_BYTES];

	(void)state;
	memset(large, 0xaa, sizeof(large));
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
		hmac_sha256(macs[i].key == NULL ?
		    (struct slice){ large, sizeof(large) } :
		    slice_of(macs[i].key), slice_of(macs[i].text), mac);
		for (size_t k = 0; k < HMAC_BYTES; k++)
			snprintf(text + 2 * k, 3, "%02x", mac[k]);
		assert_string_equal(text, macs[i].mac);
	}
}

static void
secrets_are_compared(void **state)
{
	(void)state;
	assert_true(same_secret("abc", "abc", 3));
	assert_true(same_secret("abc", "abd", 2));
	assert_false(same_secret("abc", "abd", 3));
	assert_false(same_secret("xbc", "abc", 3));
	assert_true(same_secret("a", "b", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_macs),
		cmocka_unit_test(secrets_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
