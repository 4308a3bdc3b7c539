/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /{tenant}/play/default: a small player of our own, for who has no other.
 * It is the files of web/play as they are, in the program.
 */
#include "engine/engine_private.h"

#define PLAYER "default"

static const unsigned char index_html[] = {
#include "play/index.html.inc"
};
static const unsigned char play_css[] = {
#include "play/play.css.inc"
};
static const unsigned char play_js[] = {
#include "play/play.js.inc"
};
static const unsigned char calls_js[] = {
#include "play/calls.js.inc"
};
static const unsigned char html_js[] = {
#include "play/html.js.inc"
};
static const unsigned char inputs_js[] = {
#include "play/inputs.js.inc"
};
static const unsigned char page_js[] = {
#include "play/page.js.inc"
};

#define FILE_OF(array) (const char *)(array), sizeof(array)

static const struct play_file {
	const char	*name, *type;
	const char	*bytes;
	size_t		 len;
} files[] = {
	{ "index.html", "text/html; charset=utf-8", FILE_OF(index_html) },
	{ "play.css", "text/css; charset=utf-8", FILE_OF(play_css) },
	{ "play.js", "text/javascript; charset=utf-8", FILE_OF(play_js) },
	{ "calls.js", "text/javascript; charset=utf-8", FILE_OF(calls_js) },
	{ "html.js", "text/javascript; charset=utf-8", FILE_OF(html_js) },
	{ "inputs.js", "text/javascript; charset=utf-8", FILE_OF(inputs_js) },
	{ "page.js", "text/javascript; charset=utf-8", FILE_OF(page_js) },
};

/*
 * What flows' authors write is cleaned by the page, and could do nothing if
 * it were not: no script but ours, no connection but to where the page is
 * from.  Pictures may come from anywhere.
 */
static const char page_fields[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src https: http: data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: same-origin\r\n"
    "Cache-Control: no-cache\r\n";

static const struct play_file *
find_file(const char *name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static void
answer_file(const struct call_ctx *c, const char *name)
{
	const struct play_file *file = find_file(name);
	uint8_t tenant[16];

	if (file == NULL || strcmp(c->call->names[1], PLAYER) != 0 ||
	    !guid_parse(tenant, slice_of(c->call->names[0])))
		answer_sentence(c, 404, "There is no player at this address: "
		    "it is /{tenant}/play/" PLAYER);
	else
		answer_page(c, 200, file->type, page_fields,
		    (struct slice){ file->bytes, file->len });
}

void
call_play(const struct call_ctx *c)
{
	answer_file(c, "index.html");
}

void
call_play_file(const struct call_ctx *c)
{
	answer_file(c, c->call->names[2]);
}
