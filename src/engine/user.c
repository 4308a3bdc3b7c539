/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who runs the flow.
 */
#include "engine/run.h"
#include "engine/system_ids.h"

/* What would end the value, or is read as something else in it. */
static void
put_value(struct buf *out, const char *text)
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
	put_value(out, value);
}

void
run_user_text(const struct run *run, const char *tenant, struct buf *out)
{
	static const struct run_user nobody = { .id = PUBLIC_USER_ID };
	const struct run_user *u = run->user == NULL ? &nobody : run->user;

	put(out, "ManyWhoTenantId", tenant);
	put(out, "ManyWhoUserId", u->id);
	put(out, "ManyWhoToken", "");
	put(out, "DirectoryId", u->directory_id);
	put(out, "DirectoryName", u->directory_name);
	put(out, "Email", u->email);
	put(out, "IdentityProvider", u->provider);
	put(out, "TenantName", u->tenant_name);
	put(out, "Token", u->token);
	put(out, "Username", u->name);
	put(out, "UserId", u->id);
}
