/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A directory that users log in to, on the engine's own loop and at an address
 * of loopback that nothing else listens at.  It knows ada, who is u-1 and may;
 * what it says of others is the password that they give, so that inputs say
 * what directories answer.  Whatever else it is asked, there is nothing.
 */
#ifndef TESTS_FUZZ_DIRECTORY_H
#define TESTS_FUZZ_DIRECTORY_H

#include <jansson.h>

#include "base/must.h"
#include "net/listener.h"
#include "serve/serve.h"

#define DIRECTORY_IP	"127.201.9.9"

static int directory_fd = -1;
static struct server *directory;
static struct listener *directory_listener;

struct directory_user {
	bool		 asks_who;	/* and not whether who may */
	struct buf	 body;
};

static struct directory_user *
directory_user(struct request *r)
{
	return (struct directory_user *)(void *)r->user;
}

static const char *
text_within(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text == NULL ? "" : text;
}

static const char *
who_is(const json_t *asked)
{
	const char *password = text_within(asked, "password");

	if (password[0] != '\0')
		return password;
	return strcmp(text_within(asked, "username"), "ada") == 0 ?
	    "{\"status\": \"200\", \"userId\": \"u-1\", \"username\": \"ada\", "
	    "\"email\": \"ada@x.example\", \"firstName\": \"Ada\", "
	    "\"token\": \"inner\", \"directoryId\": \"dir\"}" :
	    "{\"status\": \"401\", \"statusMessage\": \"nobody knows you\"}";
}

static const char *
who_may(const json_t *asked)
{
#define SAYS(status) \
	"{\"objectData\": [{\"properties\": [" \
	"{\"developerName\": \"Directory Id\", \"contentValue\": \"dir\"}," \
	"{\"developerName\": \"AuthenticationType\", " \
	"\"contentValue\": \"OAUTH2\"}," \
	"{\"developerName\": \"LoginUrl\", " \
	"\"contentValue\": \"https://login.example/\"}," \
	"{\"developerName\": \"Status\", \"contentValue\": \"" status "\"}]}]}"
	const json_t *authorization = json_object_get(asked, "authorization");

	if (authorization == NULL)
		return "{}";
	return strcmp(text_within(authorization, "runningAuthenticationId"),
	    "u-1") == 0 ? SAYS("200") : SAYS("401");
}

static void
directory_answer(struct request *r, const char *text)
{
	struct answer answer = { .status = 200,
	    .length = (int64_t)strlen(text) };

	request_answer(r, &answer, slice_of(text), true);
}

static void
directory_head(struct request *r)
{
	directory_user(r)->asks_who = slice_eq_nocase(r->head->target,
	    SLICE("/authentication"));
	if (!r->has_body)
		directory_answer(r, "{}");
}

static void
directory_body(struct request *r, struct slice bytes, bool last)
{
	struct directory_user *u = directory_user(r);
	json_t *asked;

	buf_slice(&u->body, bytes);
	if (!last)
		return;
	asked = json_loadb(u->body.p, u->body.len, 0, NULL);
	directory_answer(r, u->asks_who ? who_is(asked) : who_may(asked));
	json_decref(asked);
}

static void
directory_drained(struct request *r)
{
	(void)r;
}

static void
directory_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	(void)r;
	(void)status;
	(void)rule;
	(void)sentence;
	must(!"the engine asks by the rules");
}

static void
directory_gone(struct request *r, enum serve_end end)
{
	(void)end;
	buf_fini(&directory_user(r)->body);
}

static void
directory_accepted(void *owner, int fd, const struct endpoint *peer)
{
	(void)owner;
	server_accept(directory, fd, peer, &(struct serve_accept){
	    .tls = NULL });
}

/* The port of it, which stays the same. */
static unsigned
directory_port(void)
{
	struct endpoint at = { .kind = ENDPOINT_IP };
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);
	struct err err;

	must(addr_parse(&at.addr, SLICE(DIRECTORY_IP)));
	directory_fd = listener_bind(&at, false, 0, &err);
	must(directory_fd >= 0);
	must(getsockname(directory_fd, (struct sockaddr *)&bound, &len) == 0);
	return ntohs(bound.sin_port);
}

static void
directory_begin(struct loop *loop)
{
	static const struct handler_ops handler = { .name = "directory",
	    .request_bytes = sizeof(struct directory_user),
	    .auto_continue = true, .head = directory_head,
	    .body = directory_body, .drained = directory_drained,
	    .refuse = directory_refuse, .gone = directory_gone };
	static const struct serve_limits limits = { .head_ms = 60000,
	    .idle_ms = 60000, .body_idle_ms = 60000, .send_idle_ms = 60000,
	    .tunnel_idle_ms = 60000 };
	static const struct listener_ops ops = {
	    .accepted = directory_accepted };

	directory = server_new(loop, &handler, NULL, &limits);
	directory_listener = listener_new(loop, dup(directory_fd), &ops, NULL);
}

static void
directory_end(void)
{
	listener_free(&directory_listener);
	server_free(&directory);
}

#endif
