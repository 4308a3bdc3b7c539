/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/path_class.h"

static void
classes_by_whole_segments(void **state)
{
	static const struct {
		const char	*path;
		enum path_class	 class;
	} rows[] = {
		{ "/api/run", PATH_RUNTIME },
		{ "/api/run/", PATH_RUNTIME },
		{ "/api/run/1/state/x", PATH_RUNTIME },
		{ "/API/Run/1", PATH_RUNTIME },
		{ "/api/runx", PATH_CENTRAL },
		{ "/api/ru", PATH_CENTRAL },
		{ "/api", PATH_CENTRAL },
		{ "/", PATH_CENTRAL },
		{ "*", PATH_CENTRAL },
		{ "", PATH_CENTRAL },
		{ "/x/api/run/1", PATH_CENTRAL },
		{ "/api/file/1", PATH_RUNTIME },
		{ "/api/social/1", PATH_RUNTIME },
		{ "/api/service/1/data", PATH_RUNTIME },
		{ "/api/service/1/file/content", PATH_RUNTIME },
		{ "/api/service/1/filex", PATH_CENTRAL },
		{ "/api/service/1/requests", PATH_CENTRAL },
		{ "/api/service/1", PATH_CENTRAL },
		{ "/api/service/2/data", PATH_CENTRAL },
		{ "/api/draw/1", PATH_CENTRAL },
		{ "/api/log/f/s", PATH_CENTRAL },
		/* parameters in the segments that decide */
		{ "/api/run;v=1/1", PATH_AMBIGUOUS },
		{ "/api;x/run/1", PATH_AMBIGUOUS },
		{ "/api/run;", PATH_AMBIGUOUS },
		{ "/API;/RUN", PATH_AMBIGUOUS },
		{ "/api/service/1;a/data", PATH_AMBIGUOUS },
		{ "/api/service;a/1;b/file;c/x", PATH_AMBIGUOUS },
		{ "/api/run%3Bv=1/1", PATH_AMBIGUOUS },
		{ "/api%3B/run/1", PATH_AMBIGUOUS },
		{ "/api;%3B/run%3B", PATH_AMBIGUOUS },
		/* and elsewhere */
		{ "/api/run/1;v=1", PATH_RUNTIME },
		{ "/api/runx;v=1", PATH_CENTRAL },
		{ "/api/draw;v=1/1", PATH_CENTRAL },
		{ "/x;/api/run", PATH_CENTRAL },
		{ "/api/ru;n", PATH_CENTRAL },
		{ "/api/ru%3Bn", PATH_CENTRAL },
		{ "/api/run%3", PATH_CENTRAL },
		{ "/api/run%3Cv", PATH_CENTRAL },
	};
	struct arena *arena = arena_new(0);
	const struct path_classes *classes = path_classes_build(arena, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum path_class class = path_class_of(classes,
		    slice_of(rows[i].path));

		if (class != rows[i].class)
			fail_msg("%s: %s", rows[i].path,
			    path_class_name(class));
	}
	arena_free(&arena);
}

static void
prefixes_of_the_configuration(void **state)
{
	static const char *const prefixes[] = { "/one/", "/two/three" };
	struct arena *arena = arena_new(0);
	const struct path_classes *classes = path_classes_build(arena,
	    prefixes, 2);

	(void)state;
	assert_int_equal(path_class_of(classes, SLICE("/one")), PATH_RUNTIME);
	assert_int_equal(path_class_of(classes, SLICE("/one/x")),
	    PATH_RUNTIME);
	assert_int_equal(path_class_of(classes, SLICE("/two")), PATH_CENTRAL);
	assert_int_equal(path_class_of(classes, SLICE("/two/three/4")),
	    PATH_RUNTIME);
	assert_int_equal(path_class_of(classes, SLICE("/api/run")),
	    PATH_CENTRAL);
	arena_free(&arena);
}

/* Every call of the Run API, in both spellings. */
static void
where_each_call_says_what_it_is_about(void **state)
{
	static const struct {
		const char	*path;
		enum flow_place	 place;
		const char	*value;
	} rows[] = {
		{ "/api/run/1", FLOW_IN_BODY, NULL },
		{ "/api/run/1/", FLOW_IN_BODY, NULL },
		{ "/api/run/2", FLOW_IN_BODY, NULL },
		{ "/API/RUN/1", FLOW_IN_BODY, NULL },
		{ "/api/run/1/state", FLOW_IN_BODY, NULL },
		{ "/api/run/1/state/S", STATE_IN_PATH, "S" },
		{ "/api/run/2/state/S", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/ping/T", STATE_IN_PATH, "S" },
		{ "/api/run/1/State/S/history", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/log", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/download/F/N", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/values", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/values/name/N", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/listener/L", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/S/share", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/out/S/O", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/package/S", STATE_IN_PATH, "S" },
		{ "/api/run/1/state/package", FLOW_NOWHERE, NULL },
		{ "/api/run/1/navigation/S", STATE_IN_PATH, "S" },
		{ "/api/run/1/authentication/S", STATE_IN_PATH, "S" },
		{ "/api/run/1/authorization/S", STATE_IN_PATH, "S" },
		{ "/api/run/1/flow/F/undefined/customPageComponents",
		    FLOW_IN_PATH, "F" },
		{ "/api/run/1/flow/F", FLOW_IN_PATH, "F" },
		{ "/api/run/1/flow", FLOW_METADATA, NULL },
		{ "/api/run/1/flow/name/N", FLOW_METADATA, NULL },
		{ "/api/run/1/flow/environment/E", FLOW_METADATA, NULL },
		{ "/api/run/1/service/data", STATE_IN_HEADER_OR_BODY, NULL },
		{ "/api/run/2/service/data", STATE_IN_HEADER_OR_BODY, NULL },
		{ "/api/run/1/service/file", STATE_IN_HEADER_OR_BODY, NULL },
		{ "/api/run/1/service/file/delete", STATE_IN_HEADER_OR_BODY,
		    NULL },
		{ "/api/run/1/service/file/content", STATE_IN_MULTIPART,
		    NULL },
		{ "/api/run/1/social/stream/X", STATE_IN_HEADER, NULL },
		{ "/api/run/1/social/stream/X/user/me", STATE_IN_HEADER,
		    NULL },
		{ "/api/run/1/response", STATE_IN_TOKEN, NULL },
		{ "/api/run/1/event", STATE_IN_TOKEN, NULL },
		{ "/api/run/1/oauth", STATE_IN_QUERY, NULL },
		{ "/api/run/1/oauth2", STATE_IN_QUERY, NULL },
		{ "/api/run/2/oauth2", STATE_IN_QUERY, NULL },
		{ "/api/run/1/oidc", STATE_IN_QUERY, NULL },
		{ "/api/run/1/saml", STATE_IN_QUERY, NULL },
		{ "/api/run/2/saml/initialize", STATE_IN_QUERY, NULL },
		/* the spellings of 2018 */
		{ "/api/service/1/data", STATE_IN_HEADER_OR_BODY, NULL },
		{ "/api/service/1/file", STATE_IN_HEADER_OR_BODY, NULL },
		{ "/api/service/1/file/content", STATE_IN_MULTIPART, NULL },
		{ "/api/service/1/file/delete", STATE_IN_HEADER_OR_BODY,
		    NULL },
		{ "/api/social/1/stream/X", STATE_IN_HEADER, NULL },
		{ "/api/log/F/S", STATE_IN_PATH, "S" },
		/* files of a state */
		{ "/api/file/1/state/S/x", STATE_IN_PATH, "S" },
		{ "/api/file/1", STATE_IN_HEADER_OR_BODY, NULL },
		/* unknown calls */
		{ "/api/run", FLOW_NOWHERE, NULL },
		{ "/api/run/1/new", FLOW_NOWHERE, NULL },
		{ "/api/run/1/response/x", FLOW_NOWHERE, NULL },
		{ "/api/run/1/state;x/S", FLOW_NOWHERE, NULL },
		{ "/api/draw/1", FLOW_NOWHERE, NULL },
		{ "/", FLOW_NOWHERE, NULL },
		{ "", FLOW_NOWHERE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice value;
		enum flow_place place = flow_place_of(slice_of(rows[i].path),
		    &value), returning;
		bool returns = place == STATE_IN_TOKEN ||
		    place == STATE_IN_QUERY;

		assert_int_equal(flow_returns(slice_of(rows[i].path),
		    &returning), returns);
		if (returns)
			assert_int_equal(returning, place);
		if (place != rows[i].place || (rows[i].value == NULL ?
		    value.p != NULL : !slice_is(value, rows[i].value)))
			fail_msg("%s: %d '%.*s'", rows[i].path, (int)place,
			    SLICE_ARG(value));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_by_whole_segments),
		cmocka_unit_test(prefixes_of_the_configuration),
		cmocka_unit_test(where_each_call_says_what_it_is_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
