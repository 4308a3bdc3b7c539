/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Calls that need what no flow here has.  They exist, so that a client is told
 * why, in words that it can show.
 */
#include "engine/engine_private.h"

/* Services are asked for lists of files (/file), are given some
 * (/file/content) and delete some (/file/delete); there is no call that would
 * have them hand one out. */
void
call_no_file(const struct call_ctx *c)
{
	answer_sentence(c, 404, "The file %s is not kept here: its service "
	    "has it, and hands it out at the address in its object",
	    c->call->names[1]);
}

void
call_no_stream(const struct call_ctx *c)
{
	answer_sentence(c, 404, "This flow has no stream for collaboration");
}
