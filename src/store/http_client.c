/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/http_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fiber.h"
#include "base/must.h"
#include "store/curl_loop.h"

enum { FIELDS_BYTES_MAX = 64 * 1024 };

struct http_client {
	struct curl_loop curl;
	struct http_client_options options;
	struct list	 exchanges;
};

struct http_exchange {
	struct list	 node;		/* in client->exchanges; alone: done */
	struct http_client *client;
	CURL		*easy;		/* NULL: over, or never sent */
	struct curl_slist *fields;
	struct task	 refuse;	/* tells so later */
	void		(*done)(struct http_exchange *, void *arg);
	void		*arg;
	size_t		 answer_bytes, head_bytes;	/* at most; so far */
	bool		 guarded;	/* an address was refused */
	bool		 too_big;
	struct http_answer answer;
	char		 error[CURL_ERROR_SIZE];
};

const char *
http_end_name(enum http_end end)
{
	static const char *const names[] = {
		[HTTP_ANSWERED] = "answered", [HTTP_REFUSED] = "refused",
		[HTTP_UNREACHABLE] = "unreachable",
		[HTTP_TIMED_OUT] = "timed out", [HTTP_BROKEN] = "broken",
		[HTTP_TOO_BIG] = "too big",
	};

	return names[end];
}

/* --- the end of an exchange ------------------------------------------------------ */

static bool
was_connected(const struct http_exchange *x)
{
	long port = 0;

	curl_easy_getinfo(x->easy, CURLINFO_LOCAL_PORT, &port);
	return port > 0;
}

static enum http_end
end_of(const struct http_exchange *x, CURLcode code)
{
	if (x->too_big)
		return HTTP_TOO_BIG;
	if (x->guarded && (code == CURLE_COULDNT_CONNECT ||
	    code == CURLE_ABORTED_BY_CALLBACK))
		return HTTP_REFUSED;
	switch (code) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* Theirs (no status line), or the address's. */
		return was_connected(x) ? HTTP_BROKEN : HTTP_REFUSED;
	case CURLE_URL_MALFORMAT:
	case CURLE_LOGIN_DENIED:
		return HTTP_REFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMED_OUT;
	default:
		return HTTP_BROKEN;
	}
}

static void
say_why(struct http_exchange *x, CURLcode code)
{
	const char *why = x->error[0] != '\0' ? x->error :
	    curl_easy_strerror(code);

	if (x->answer.end == HTTP_TOO_BIG)
		why = "the answer is larger than it may be";
	else if (x->guarded && x->answer.end == HTTP_REFUSED)
		why = "services may not be called at this address";
	snprintf(x->answer.why, sizeof(x->answer.why), "%s", why);
}

static void
let_go(struct http_exchange *x)
{
	if (x->easy != NULL) {
		curl_multi_remove_handle(x->client->curl.multi, x->easy);
		curl_easy_cleanup(x->easy);
	}
	x->easy = NULL;
	curl_slist_free_all(x->fields);
	x->fields = NULL;
	list_remove(&x->node);
}

static void
finish(struct http_exchange *x, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->answer.status = (unsigned)status;
	x->answer.end = end_of(x, code);
	if (x->answer.end != HTTP_ANSWERED)
		say_why(x, code);
	let_go(x);
	x->done(x, x->arg);
}

/* done() may start, free and cancel others: so ask anew each time. */
static void
finish_all(struct curl_loop *curl)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(curl->multi, &left)) !=
	    NULL) {
		struct http_exchange *x;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		must(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		    (char **)&x) == CURLE_OK);
		finish(x, code);
	}
}

/* --- what curl asks while it works ------------------------------------------------- */

static struct addr
addr_of(const struct sockaddr *sa)
{
	struct addr addr = { 0 };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		addr.family = ADDR_IP4;
		memcpy(addr.bytes, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		addr.family = ADDR_IP6;
		memcpy(addr.bytes, &in6->sin6_addr, 16);
	}
	return addr;
}

/* The last moment at which the address is known and nothing is sent yet: a
 * name that means something else the second time does not help. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_exchange *x = arg;
	const struct call_guard *guard = x->client->options.guard;
	struct addr addr = addr_of(&to->addr);

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (guard != NULL && !call_guard_permits(guard, &addr)) {
		x->guarded = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A kept connection was looked at when it was made: what may be called can be
 * another thing since. */
static int
look_again(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct http_exchange *x = arg;
	const struct call_guard *guard = x->client->options.guard;
	struct addr addr;

	(void)from;
	(void)to_port;
	(void)from_port;
	if (guard == NULL || (addr_parse(&addr, slice_of(to)) &&
	    call_guard_permits(guard, &addr)))
		return CURL_PREREQFUNC_OK;
	x->guarded = true;
	return CURL_PREREQFUNC_ABORT;
}

static size_t
take_body(char *bytes, size_t each, size_t count, void *arg)
{
	struct http_exchange *x = arg;
	size_t len = each * count;

	if (len > x->answer_bytes - x->answer.body.len) {
		x->too_big = true;
		return 0;
	}
	buf_add(&x->answer.body, bytes, len);
	return len;
}

/* One line a call; a status line begins anew: interim answers come first. */
static size_t
take_field(char *bytes, size_t each, size_t count, void *arg)
{
	struct http_exchange *x = arg;
	size_t len = each * count;

	if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		x->head_bytes = 0;
		return len;
	}
	x->head_bytes += len;
	if (x->head_bytes > FIELDS_BYTES_MAX) {
		x->too_big = true;
		return 0;
	}
	return len;
}

/* --- beginning ---------------------------------------------------------------------- */

struct http_client *
http_client_new(struct loop *loop, const struct http_client_options *options)
{
	struct http_client *client = xcalloc(1, sizeof(*client));

	/* Once a process; threads of ours begin later. */
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	client->options = *options;
	list_init(&client->exchanges);
	curl_loop_init(&client->curl, loop, finish_all);
	if (options->idle > 0)
		curl_multi_setopt(client->curl.multi, CURLMOPT_MAXCONNECTS,
		    (long)options->idle);
	return client;
}

void
http_client_free(struct http_client **client_p)
{
	struct http_client *client = *client_p;

	*client_p = NULL;
	if (client == NULL)
		return;
	list_each(node, &client->exchanges) {
		struct http_exchange *x = list_entry(node,
		    struct http_exchange, node);

		task_cancel(&x->refuse);
		let_go(x);
	}
	curl_loop_fini(&client->curl);
	free(client);
	curl_global_cleanup();
}

void
http_client_change(struct http_client *client,
    const struct http_client_options *options)
{
	client->options = *options;
	if (options->idle > 0)
		curl_multi_setopt(client->curl.multi, CURLMOPT_MAXCONNECTS,
		    (long)options->idle);
}

static void
tell_refused(struct task *task)
{
	struct http_exchange *x = list_entry(task, struct http_exchange,
	    refuse);

	list_remove(&x->node);
	x->done(x, x->arg);
}

/* A line must not become two. */
static bool
is_one_line(const char *field)
{
	for (; *field != '\0'; field++)
		if (((unsigned char)*field < ' ' && *field != '\t') ||
		    *field == 0x7f)
			return false;
	return true;
}

/* The host of a URL that curl will read the same way. */
static bool
host_permitted(const struct call_guard *guard, const char *url)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool permitted = u != NULL &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, CURLU_URLDECODE) ==
	    CURLUE_OK && (guard == NULL ||
	    call_guard_permits_host(guard, slice_of(host)));

	curl_free(host);
	curl_url_cleanup(u);
	return permitted;
}

static bool
add_fields(struct http_exchange *x, const struct http_request *request)
{
	/* Nobody waits for a 100 (Continue). */
	x->fields = curl_slist_append(NULL, "Expect:");
	must(x->fields != NULL);
	for (size_t i = 0; request->fields != NULL &&
	    request->fields[i] != NULL; i++) {
		if (!is_one_line(request->fields[i]))
			return false;
		must(curl_slist_append(x->fields, request->fields[i]) !=
		    NULL);
	}
	return true;
}

static void
set_limits(struct http_exchange *x, const struct http_request *request)
{
	const struct http_client_options *o = &x->client->options;
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
	if (o->ca_file != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
	if (o->connect_ms > 0)
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
		    (long)o->connect_ms);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, look_again);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
}

static void
set_message(struct http_exchange *x, const struct http_request *request)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_URL, request->url);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "portolan/" PORTOLAN_VERSION);
	if (request->body.p != NULL) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body.len);
		curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, request->body.p);
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->fields);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_field);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
}

static void
refuse(struct http_exchange *x, const char *why)
{
	x->answer.end = HTTP_REFUSED;
	snprintf(x->answer.why, sizeof(x->answer.why), "%s", why);
	task_set(x->client->curl.loop, &x->refuse);
}

struct http_exchange *
http_start(struct http_client *client, const struct http_request *request,
    void (*done)(struct http_exchange *, void *arg), void *arg)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));

	must(request->total_ms > 0 && request->answer_bytes > 0);
	x->client = client;
	x->done = done;
	x->arg = arg;
	x->answer_bytes = request->answer_bytes;
	task_init(&x->refuse, tell_refused);
	list_init(&x->node);
	list_append(&client->exchanges, &x->node);
	if (!add_fields(x, request)) {
		refuse(x, "a field of the request holds control characters");
	} else if (!host_permitted(client->options.guard, request->url)) {
		refuse(x, "services may not be called at this address, or it "
		    "is none");
	} else {
		x->easy = curl_easy_init();
		must(x->easy != NULL);
		set_limits(x, request);
		set_message(x, request);
		must(curl_multi_add_handle(client->curl.multi, x->easy) ==
		    CURLM_OK);
	}
	return x;
}

void
http_exchange_free(struct http_exchange **x_p)
{
	struct http_exchange *x = *x_p;

	*x_p = NULL;
	if (x == NULL)
		return;
	task_cancel(&x->refuse);
	let_go(x);
	http_answer_fini(&x->answer);
	free(x);
}

struct http_answer *
http_answer_of(struct http_exchange *exchange)
{
	return &exchange->answer;
}

void
http_answer_fini(struct http_answer *answer)
{
	buf_fini(&answer->body);
}

/* --- on a fiber ---------------------------------------------------------------------- */

static void
go_on(struct http_exchange *x, void *arg)
{
	(void)x;
	fiber_resume(arg);
}

void
http_ask(struct http_client *client, const struct http_request *request,
    struct http_answer *answer)
{
	struct http_exchange *x = http_start(client, request, go_on,
	    fiber_self());

	fiber_wait();
	*answer = x->answer;
	x->answer = (struct http_answer){ .end = answer->end };
	http_exchange_free(&x);
}
