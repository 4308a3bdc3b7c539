/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What libyaml complains about, in words that help whoever wrote the file.
 * What we have no words for is said in libyaml's.
 */
#ifndef CONF_YAML_WORDS_H
#define CONF_YAML_WORDS_H

#include "base/arena.h"

/* problem may be NULL; at: the character it complains about. */
const char *yaml_problem_words(struct arena *arena, const char *problem,
    char at);

/* What it was reading, which often began lines above. */
const char *yaml_context_words(const char *context);

#endif
