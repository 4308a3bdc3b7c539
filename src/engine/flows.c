/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The snapshots in a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine/flow.h"
#include "engine/json_text.h"

enum { FLOWS_MAX = 10000 };

/* --- one file ----------------------------------------------------------------- */

static bool
read_file(int fd, struct buf *out, const char *name, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, "%s: is not a regular file", name);
	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, 65536), 65536);

		if (n < 0)
			return err_set(err, "%s: %s", name, strerror(errno));
		if (n == 0)
			return true;
		out->len += (size_t)n;
		if (out->len > SNAPSHOT_BYTES_MAX)
			return err_set(err, "%s: larger than %d MiB", name,
			    SNAPSHOT_BYTES_MAX >> 20);
	}
}

static json_t *
parse(const struct buf *text, const char *name, struct err *err)
{
	json_error_t at;
	json_t *json = json_loadb(text->p, text->len, JSON_REJECT_DUPLICATES,
	    &at);

	if (json == NULL)
		err_set(err, "%s:%d:%d: %s", name, at.line, at.column,
		    json_mistake(&at));
	return json;
}

static bool
add_file(struct flows *flows, int dir_fd, const char *name, struct err *err)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = { 0 };
	const struct flow *flow;
	json_t *json = NULL;

	if (fd < 0)
		return err_set(err, "%s: %s", name, strerror(errno));
	if (read_file(fd, &text, name, err))
		json = parse(&text, name, err);
	close(fd);
	buf_fini(&text);
	if (json == NULL)
		return false;
	flow = flow_build(flows->arena, json, name, err);
	if (flow == NULL) {
		json_decref(json);
		return false;
	}
	for (size_t i = 0; i < flows->count; i++)
		if (guid_eq(&flow->guid, &flows->list[i]->guid) &&
		    guid_eq(&flow->version_guid,
		    &flows->list[i]->version_guid)) {
			err_set(err, "%s: another file holds this version of "
			    "flow %s already", name, flow->id);
			json_decref(json);
			return false;
		}
	flows->list[flows->count] = flow;
	flows->documents[flows->count++] = json;
	return true;
}

/* --- the directory ------------------------------------------------------------- */

static int
is_snapshot(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 &&
	    strcmp(entry->d_name + len - 5, ".json") == 0;
}

struct flows *
flows_load(const char *dir, void (*complain)(const char *), size_t *bad,
    struct err *err)
{
	struct dirent **names;
	int count = scandir(dir, &names, is_snapshot, alphasort);
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct flows *flows;
	struct err why;

	*bad = 0;
	if (count < 0 || dir_fd < 0) {
		err_set(err, "%s: cannot be opened: %s; make the directory and "
		    "put snapshots into it, or name another in engines.flows",
		    dir, strerror(errno));
		for (int i = 0; i < count; i++)
			free(names[i]);
		if (count >= 0)
			free(names);
		if (dir_fd >= 0)
			close(dir_fd);
		return NULL;
	}
	flows = xcalloc(1, sizeof(*flows));
	flows->arena = arena_new(0);
	flows->list = xcalloc((size_t)count + 1, sizeof(*flows->list));
	flows->documents = xcalloc((size_t)count + 1,
	    sizeof(*flows->documents));
	for (int i = 0; i < count; i++) {
		if (i >= FLOWS_MAX)
			err_set(&why, "%s: more than %d flows",
			    names[i]->d_name, FLOWS_MAX);
		if (i >= FLOWS_MAX ||
		    !add_file(flows, dir_fd, names[i]->d_name, &why)) {
			err_wrap(&why, "%s", dir);
			complain(why.text);
			++*bad;
		}
		free(names[i]);
	}
	free(names);
	close(dir_fd);
	return flows;
}

void
flows_free(struct flows **flows_p)
{
	struct flows *flows = *flows_p;

	*flows_p = NULL;
	if (flows == NULL)
		return;
	for (size_t i = 0; i < flows->count; i++)
		json_decref(flows->documents[i]);
	free(flows->documents);
	free(flows->list);
	arena_free(&flows->arena);
	free(flows);
}

size_t
flows_count(const struct flows *flows)
{
	return flows->count;
}

const struct flow *
flows_find(const struct flows *flows, const struct guid *id,
    const struct guid *version)
{
	const struct flow *found = flows->find == NULL ? NULL :
	    flows->find(flows->arg, id, version);

	if (found != NULL)
		return found;
	for (size_t i = 0; i < flows->count; i++) {
		const struct flow *flow = flows->list[i];

		if (!guid_eq(&flow->guid, id))
			continue;
		if (version != NULL) {
			if (guid_eq(&flow->version_guid, version))
				return flow;
		} else if (found == NULL || !found->is_default) {
			found = flow;
		}
	}
	return found;
}

const struct flow *
flows_named(const struct flows *flows, struct slice name)
{
	const struct flow *found = flows->find_named == NULL ? NULL :
	    flows->find_named(flows->arg, name);

	if (found != NULL)
		return found;
	for (size_t i = 0; i < flows->count; i++)
		if (slice_eq_nocase(slice_of(flows->list[i]->name), name))
			return flows_find(flows, &flows->list[i]->guid, NULL);
	return NULL;
}

const struct flow *
flows_at(const struct flows *flows, size_t i)
{
	return flows->list[i];
}
