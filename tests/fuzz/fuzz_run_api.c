/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A player that sends anything to an engine with its flows and its store.  An
 * input is a list of requests, cut by form feeds: a letter for the call, then
 * the body, in which $S and $T stand for the state and the token that the
 * last answer named; a mark before the letter sends the login that was got last
 * as well.  Each is answered, in JSON wherever it should be, no body makes the
 * engine fail, and what is for users alone is told to nobody else.
 */
#include <sys/socket.h>
#include <sys/stat.h>

/* From inside: its loop is turned here. */
#include "engine/engine.c"
#include "directory.h"
#include "net/watch.h"
#include "support/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* An engine keeps what it may need again, so a search for leaks would follow
 * each input and take twenty times as long; the stories make it. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

#define TENANT	"7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01"
#define SECRET	"for users alone"	/* in corpus/flow/login.json */

enum {
	REQUESTS = 8,			/* of an input */
	INPUTS = 1000,			/* before states are begun anew */
	PATIENCE_MS = 20000,
};

/* {} is the state; of the letters that are none of these the last is meant. */
static const struct {
	char		 letter;
	const char	*method, *path;
} calls[] = {
	{ 'i', "POST", "/api/run/1" },
	{ 'm', "POST", "/api/run/1/state" },
	{ 's', "POST", "/api/run/1/state/{}" },
	{ 'j', "GET", "/api/run/1/state/{}" },
	{ 't', "POST", "/api/run/2/state/{}" },
	{ 'J', "GET", "/api/run/2/state/{}" },
	{ 'v', "POST", "/api/run/1/state/{}/values" },
	{ 'V', "GET", "/api/run/1/state/{}/values" },
	{ 'n', "POST", "/api/run/1/navigation/{}" },
	{ 'h', "GET", "/api/run/1/state/{}/history" },
	{ 'g', "GET", "/api/run/1/state/{}/log" },
	{ 'p', "GET", "/api/run/1/state/{}/ping/x" },
	{ 'o', "POST", "/api/run/1/state/out/{}/"
	    "00000000-0000-0000-0000-000000000022" },
	{ 'c', "GET", "/api/run/1/authentication/{}" },
	{ 'l', "POST", "/api/run/1/state/{}/listener" },
	{ 'a', "POST", "/api/run/1/authentication/{}" },
	{ 'd', "POST", "/api/service/1/data" },
	{ 'f', "POST", "/api/service/1/file" },
	{ 'r', "POST", "/api/run/1/response" },
	{ 'e', "POST", "/api/run/1/event" },
	{ 'q', "GET", "/api/run/1/flow?filter=" },	/* then the body */
	{ 'b', "POST", "/api/draw/1/flow" },
};

static struct engine engine;
static struct watch client;
static struct buf heard;
static char state[64], token[64], login[SEAL_TOKEN_MAX + 1];
static bool says_it_itself;		/* the input, and answers repeat it */
static unsigned inputs;

/* Services can be called where the directory is, and nowhere else. */
static const char config[] = "region: US\nmain_region: US\n"
    "regions: %s/regions.yaml\nrun_dir: %s\n"
    "listeners: [{name: l, address: \"127.0.0.1:1\"}]\n"
    "hosts: {global: [flow.example.com]}\nlog: {level: error}\n"
    "services: {allow: [" DIRECTORY_IP "/32], refuse: [0.0.0.0/2, 64.0.0.0/3, "
    "96.0.0.0/4, 112.0.0.0/5, 120.0.0.0/6, 124.0.0.0/7, 126.0.0.0/8, "
    "128.0.0.0/1, \"::/0\"], refuse_hosts: [example]}\n";

/* --- the engine ------------------------------------------------------------- */

static void
read_file(const char *name, struct buf *bytes)
{
	FILE *f = fopen(name, "r");
	size_t n;

	must(f != NULL);	/* run from the top of the tree */
	do {
		n = fread(buf_reserve(bytes, 65536), 1, 65536, f);
		bytes->len += n;
	} while (n > 0);
	fclose(f);
}

static void
copy_file(const char *from, const char *to)
{
	struct buf bytes = { 0 };

	read_file(from, &bytes);
	folder_put(to, buf_all(&bytes));
	buf_fini(&bytes);
}

/* Its directory is ours, wherever that listens. */
static void
put_login_flow(void)
{
	static const char name[] = "directory.example";
	struct buf bytes = { 0 }, text = { 0 };
	const char *at;

	read_file("tests/fuzz/corpus/flow/login.json", &bytes);
	at = strstr(buf_cstr(&bytes), name);
	must(at != NULL);
	buf_printf(&text, "%.*s" DIRECTORY_IP ":%u%s", (int)(at - bytes.p),
	    bytes.p, directory_port(), at + strlen(name));
	folder_put("flows/login.json", buf_all(&text));
	buf_fini(&bytes);
	buf_fini(&text);
}

static void
make_folder(void)
{
	static const char *const flows[] = { "data", "messages", "waits" };
	char from[96], to[64], text[1024];

	/* Where a sync costs nothing, if there is such a place. */
	strcpy(folder, access("/dev/shm", W_OK) == 0 ?
	    "/dev/shm/portolan-fuzz-XXXXXX" : "/tmp/portolan-fuzz-XXXXXX");
	must(mkdtemp(folder) != NULL);
	atexit(folder_end);
	must(mkdir(folder_path("flows"), 0700) == 0);
	copy_file("tests/data/region-map-3.yaml", "regions.yaml");
	copy_file("conf/flows/greeting.json", "flows/greeting.json");
	for (size_t i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "tests/fuzz/corpus/flow/%s.json",
		    flows[i]);
		snprintf(to, sizeof(to), "flows/%s.json", flows[i]);
		copy_file(from, to);
	}
	put_login_flow();
	snprintf(text, sizeof(text), config, folder, folder);
	folder_put_text("portolan.yaml", text);
}

/* Until it knows what its store holds. */
static void
on_look(struct timer *timer)
{
	if (metadata_is_ready(engine.metadata))
		loop_stop(engine.loop);
	else
		timer_set(engine.loop, timer, 1);
}

/* As engine_main() does, but for the signals. */
static void
begin_engine(void)
{
	static struct engine_options options;
	static char paths[4][FOLDER_PATH];
	static const char *const names[] = { "portolan.yaml", "socket",
	    "states", "flows" };
	char command[160];

	for (size_t i = 0; i < 4; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s",
		    folder_path(names[i]));
	snprintf(command, sizeof(command), "rm -rf %s", paths[2]);
	must(system(command) == 0);
	options = (struct engine_options){ .config_file = paths[0],
	    .socket = paths[1], .store_dir = paths[2], .flows_dir = paths[3],
	    .listen_fd = -1, .notify_fd = -1 };
	engine = (struct engine){ .options = &options };
	list_init(&engine.turns);
	engine.keeping = keeping_new(&engine);
	list_init(&engine.late);
	list_init(&engine.alarms);
	engine.loop = loop_new();
	timer_init(&engine.expire, on_expire);
	timer_init(&engine.drain, look_drained);
	timer_init(&engine.open, on_look);
	engine.server = server_new(engine.loop, &api_handler, &engine,
	    &engine.limits);
	directory_begin(engine.loop);
	must(begin(&engine));
	listener_pause(engine.listener);
	timer_set(engine.loop, &engine.open, 0);
	loop_run(engine.loop);
}

/* --- one request ------------------------------------------------------------ */

static void
on_late(struct timer *timer)
{
	(void)timer;
	must(!"an answer came");
}

static void
on_readable(struct watch *w, bool readable, bool writable)
{
	ssize_t n = recv(w->fd, buf_reserve(&heard, 65536), 65536, 0);

	(void)readable;
	(void)writable;
	if (n > 0)
		heard.len += (size_t)n;
	else
		loop_stop(engine.loop);	/* it closes behind its answer */
}

/* To be sent, and heard until the engine closes. */
static void
exchange(struct slice bytes)
{
	const struct endpoint peer = { .kind = ENDPOINT_UNIX };
	struct timer patience;
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	must(send(fds[0], bytes.p, bytes.len, MSG_NOSIGNAL) ==
	    (ssize_t)bytes.len);
	buf_clear(&heard);
	server_accept(engine.server, fds[1], &peer, &(struct serve_accept){
	    .tls = NULL });
	client.fn = on_readable;
	watch_set(engine.loop, &client, fds[0], true, false);
	timer_init(&patience, on_late);
	timer_set(engine.loop, &patience, PATIENCE_MS);
	loop_run(engine.loop);
	timer_cancel(&patience);
	watch_stop(&client);
	close(fds[0]);
}

static void
remember(char *to, const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text != NULL && strlen(text) < 64)
		strcpy(to, text);
}

/* The token, which is sent with what is marked. */
static void
remember_login(const json_t *json)
{
	const char *text = json_string_value(json);

	if (text != NULL && strlen(text) < sizeof(login))
		strcpy(login, text);
}

static void
check_answer(const char *method, bool logs_in)
{
	const char *body;
	json_t *json;
	int status;

	buf_char(&heard, '\0');
	must(sscanf(heard.p, "HTTP/1.1 %d ", &status) == 1);
	body = strstr(heard.p, "\r\n\r\n");
	must(body != NULL);
	if (strstr(heard.p, "Content-Type: application/json") == NULL)
		return;
	json = json_loads(body + 4, JSON_DECODE_ANY, NULL);
	/* Players can read a sentence, and nothing else, of what is wrong. */
	must(json != NULL && (status < 400 || json_is_string(json)));
	must(status != 500 || strcmp(method, "GET") != 0);
	if (logs_in && status == 200)
		remember_login(json);
	remember(state, json, "stateId");
	remember(token, json, "stateToken");
	json_decref(json);
}

static void
put_body(struct buf *out, struct slice body)
{
	for (size_t i = 0; i < body.len; i++) {
		char next = i + 1 < body.len ? body.p[i + 1] : '\0';

		if (body.p[i] != '$' || (next != 'S' && next != 'T')) {
			buf_char(out, body.p[i]);
			continue;
		}
		buf_text(out, next == 'S' ? state : token);
		i++;
	}
}

/* The path with the state in it, and in a query what else were the body. */
static void
put_target(struct buf *out, const char *path, struct buf *body)
{
	const char *at = strstr(path, "{}");

	if (at != NULL)
		buf_printf(out, "%.*s%s%s", (int)(at - path), path, state,
		    at + 2);
	else
		buf_text(out, path);
	if (path[strlen(path) - 1] != '=')
		return;
	for (size_t i = 0; i < body->len; i++)
		buf_printf(out, "%%%02X", (uint8_t)body->p[i]);
	buf_clear(body);
}

static void
ask(struct slice request)
{
	enum { CALLS = sizeof(calls) / sizeof(calls[0]) };
	struct buf body = { 0 }, out = { 0 };
	bool as_user = request.p[0] == '!';
	size_t n = 0;

	if (as_user && request.len == 1)
		return;
	request.p += as_user;
	request.len -= as_user;
	while (n + 1 < CALLS && calls[n].letter != request.p[0])
		n++;
	put_body(&body, (struct slice){ request.p + 1, request.len - 1 });
	buf_printf(&out, "%s ", calls[n].method);
	put_target(&out, calls[n].path, &body);
	buf_printf(&out, " HTTP/1.1\r\nHost: engine\r\n"
	    "Connection: close\r\nManyWhoTenant: " TENANT "\r\n"
	    "Content-Type: application/json\r\n"
	    "X-ManyWho-GeoLocation-Country: GB\r\n"
	    "X-Forwarded-Proto: https\r\n%s%s%sContent-Length: %zu\r\n\r\n",
	    as_user ? "Authorization: " : "", as_user ? login : "",
	    as_user ? "\r\n" : "", body.len);
	buf_slice(&out, buf_all(&body));
	exchange(buf_all(&out));
	check_answer(calls[n].method, calls[n].letter == 'a');
	/* One call begins a state and logs in to it. */
	must(as_user || calls[n].letter == 'm' || says_it_itself ||
	    strstr(heard.p, SECRET) == NULL);
	buf_fini(&body);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data, size }, request;

	if (folder[0] == '\0')
		make_folder();
	if (inputs++ % INPUTS == 0) {
		if (inputs > 1) {
			directory_end();
			end(&engine);
		}
		begin_engine();
	}
	strcpy(state, "00000000-0000-0000-0000-000000000000");
	strcpy(token, state);
	login[0] = '\0';
	says_it_itself = memmem(data, size, SECRET, sizeof(SECRET) - 1) !=
	    NULL;
	for (int i = 0; i < REQUESTS && rest.len > 0 &&
	    slice_split(&rest, '\f', &request); i++)
		if (request.len > 0)
			ask(request);
	return 0;
}
