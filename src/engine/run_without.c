/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Calls that need what no flow here has.  They exist, so that a client is told
 * why, in words that it can show.
 */
#include "engine/engine_private.h"

void
call_no_file(const struct call_ctx *c)
{
	answer_sentence(c, 404, "The state has no file %s",
	    c->call->names[1]);
}

void
call_no_stream(const struct call_ctx *c)
{
	answer_sentence(c, 404, "This flow has no stream for collaboration");
}
