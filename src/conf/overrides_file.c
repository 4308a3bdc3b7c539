/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/overrides_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/file.h"

enum { FILE_BYTES_MAX = 64 * 1024 };

void
overrides_file_path(const struct config *config,
    char path[OVERRIDES_PATH_MAX])
{
	snprintf(path, OVERRIDES_PATH_MAX, "%s/regions.json",
	    config->state_dir);
}

bool
overrides_file_read(struct overrides *o, const struct config *config,
    struct err *err)
{
	char path[OVERRIDES_PATH_MAX];
	struct buf text = { 0 };
	bool good;

	o->count = 0;
	overrides_file_path(config, path);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	good = file_read(&text, path, FILE_BYTES_MAX, err) &&
	    overrides_parse(o, buf_all(&text), err);
	buf_fini(&text);
	return good || err_wrap(err, "%s", path);
}
