/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who runs the flow.
 */
#include "engine/run.h"
#include "engine/system_ids.h"

static void
put_escaped(struct buf *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (*text == '&' || *text == '=' || *text == '%' ||
		    *text == '+' || (unsigned char)*text <= ' ')
			buf_printf(out, "%%%02X", (unsigned char)*text);
		else
			buf_char(out, *text);
}

static void
put(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s%s=", out->len == 0 ? "" : "&", key);
	put_escaped(out, value);
}

void
run_user_text(const struct run *run, const char *tenant, struct buf *out)
{
	(void)run;
	put(out, "ManyWhoTenantId", tenant);
	put(out, "ManyWhoUserId", PUBLIC_USER_ID);
	put(out, "ManyWhoToken", "");
	put(out, "DirectoryId", "");
	put(out, "DirectoryName", "");
	put(out, "Email", "");
	put(out, "IdentityProvider", "");
	put(out, "TenantName", "");
	put(out, "Token", "");
	put(out, "Username", "");
	put(out, "UserId", PUBLIC_USER_ID);
}
