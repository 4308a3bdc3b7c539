/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading comparisons and operations of a snapshot.
 */
#include "engine/reader.h"

static const char *const criterion_names[] = {
	[CRITERION_EQUAL] = "EQUAL",
	[CRITERION_NOT_EQUAL] = "NOT_EQUAL",
	[CRITERION_GREATER_THAN] = "GREATER_THAN",
	[CRITERION_GREATER_THAN_OR_EQUAL] = "GREATER_THAN_OR_EQUAL",
	[CRITERION_LESS_THAN] = "LESS_THAN",
	[CRITERION_LESS_THAN_OR_EQUAL] = "LESS_THAN_OR_EQUAL",
	[CRITERION_CONTAINS] = "CONTAINS",
	[CRITERION_STARTS_WITH] = "STARTS_WITH",
	[CRITERION_ENDS_WITH] = "ENDS_WITH",
	[CRITERION_IS_EMPTY] = "IS_EMPTY",
	[CRITERION_ALL_EQUAL] = "ALL_EQUAL",
	[CRITERION_ANY_EQUAL] = "ANY_EQUAL",
};

/* --- comparisons -------------------------------------------------------------- */

bool
read_criterion(struct reader *r, const struct where *at, const json_t *json,
    const char *key, enum criterion *criterion)
{
	const struct where here = { at, key, 0 };
	const char *text = need_text(r, at, json, key);

	if (text == NULL)
		return false;
	for (size_t i = 0; i < COUNT(criterion_names); i++)
		if (is_word(text, criterion_names[i])) {
			*criterion = (enum criterion)i;
			return true;
		}
	return reader_fail(r, &here, "\"%s\" is not supported by this engine",
	    text);
}

/* Lists and objects are compared for being empty only. */
static bool
check_rule(struct reader *r, const struct where *at, const struct rule *rule)
{
	if (rule->left.value == NULL)
		return reader_fail(r, at,
		    "leftValueElementToReferenceId: is missing");
	if (rule->right.value == NULL)
		return reader_fail(r, at,
		    "rightValueElementToReferenceId: is missing");
	if (rule->criterion != CRITERION_IS_EMPTY &&
	    (content_is_objects(rule->left.type) ||
	    content_is_objects(rule->right.type)))
		return reader_fail(r, at, "objects and lists can only be "
		    "compared by IS_EMPTY");
	return true;
}

static bool
read_rules(struct reader *r, const struct where *at, const json_t *json,
    struct comparison *c)
{
	const json_t *list = read_list(r, at, json, "rules", MEMBERS_MAX);
	const struct where rules_at = { at, "rules", 0 };

	c->nrules = json_array_size(list);
	c->rules = arena_array(r->arena, c->nrules, sizeof(*c->rules));
	for (size_t i = 0; i < c->nrules && !r->failed; i++) {
		const struct where here = { &rules_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct rule *rule = &c->rules[i];

		read_still_ref(r, &here, item, "leftValueElementToReferenceId",
		    &rule->left);
		read_still_ref(r, &here, item, "rightValueElementToReferenceId",
		    &rule->right);
		read_criterion(r, &here, item, "criteriaType",
		    &rule->criterion);
		if (!r->failed)
			check_rule(r, &here, rule);
	}
	return !r->failed;
}

bool
read_comparison(struct reader *r, const struct where *at, const json_t *json,
    struct comparison *c, unsigned depth)
{
	const struct where type_at = { at, "comparisonType", 0 };
	const struct where nested_at = { at, "comparisons", 0 };
	const char *type = read_text(r, at, json, "comparisonType");
	const json_t *list;

	if (depth > COMPARISON_DEPTH_MAX)
		return reader_fail(r, at, "nested more than %d deep",
		    COMPARISON_DEPTH_MAX);
	c->any = type != NULL && is_word(type, "OR");
	if (type != NULL && !c->any && !is_word(type, "AND"))
		return reader_fail(r, &type_at, "\"%s\" is neither AND nor OR",
		    type);
	if (!read_rules(r, at, json, c))
		return false;
	list = read_list(r, at, json, "comparisons", MEMBERS_MAX);
	c->nnested = json_array_size(list);
	c->nested = arena_array(r->arena, c->nnested, sizeof(*c->nested));
	for (size_t i = 0; i < c->nnested && !r->failed; i++) {
		const struct where here = { &nested_at, NULL, i };

		read_comparison(r, &here, json_array_get(list, i),
		    &c->nested[i], depth + 1);
	}
	if (!r->failed && c->nrules + c->nnested == 0)
		return reader_fail(r, at, "has neither rules nor comparisons");
	return !r->failed;
}

/* --- operations ------------------------------------------------------------------ */

static bool
read_command(struct reader *r, const struct where *at, const char *text,
    struct operation *op)
{
	static const struct {
		const char	*name;
		enum operation_command command;
	} known[] = {
		{ "SET_EQUAL", OPERATION_SET }, { "NEW", OPERATION_NEW },
		{ "EMPTY", OPERATION_EMPTY }, { "ADD", OPERATION_ADD },
		{ "REMOVE", OPERATION_REMOVE },
		{ "DETACH", OPERATION_DETACH },
	};

	op->command = OPERATION_SET;
	if (text == NULL || text[0] == '\0')
		return true;
	for (size_t i = 0; i < COUNT(known); i++)
		if (is_word(text, known[i].name)) {
			op->command = known[i].command;
			return true;
		}
	return reader_fail(r, at, "the command \"%s\" is not supported by "
	    "this engine", text);
}

/* Whether the command can do anything with what it is applied to. */
static bool
check_command(struct reader *r, const struct where *at,
    const struct operation *op)
{
	const char *name = op->to.value->name;

	if (op->command == OPERATION_ADD && op->to.type == CONTENT_OBJECT)
		return reader_fail(r, at, "%s is an object, to which nothing "
		    "can be added", name);
	if (op->command == OPERATION_REMOVE && op->to.type != CONTENT_LIST &&
	    op->to.type != CONTENT_NUMBER)
		return reader_fail(r, at, "%s is neither a list nor a number, "
		    "so nothing can be removed from it", name);
	if (op->command == OPERATION_DETACH &&
	    !content_is_objects(op->to.type))
		return reader_fail(r, at, "%s is neither an object nor a list, "
		    "so it cannot be detached", name);
	return true;
}

static bool
check_operation(struct reader *r, const struct where *at,
    const struct operation *op)
{
	bool needs_from = op->command == OPERATION_SET ||
	    op->command == OPERATION_ADD || op->command == OPERATION_REMOVE;

	if (op->to.value == NULL)
		return reader_fail(r, at, "valueElementToApplyId: is missing");
	if (op->to.value->fixed)
		return reader_fail(r, at, "valueElementToApplyId: %s is a "
		    "constant", op->to.value->name);
	if (op->to.property != NULL && op->to.value->type == CONTENT_LIST)
		return reader_fail(r, at, "valueElementToApplyId: %s is a "
		    "list; a property of one of its objects cannot be set",
		    op->to.value->name);
	if (!check_command(r, at, op))
		return false;
	if (!needs_from)
		return true;
	if (op->from.value == NULL)
		return reader_fail(r, at,
		    "valueElementToReferenceId: is missing");
	if (content_is_objects(op->to.type) !=
	    content_is_objects(op->from.type))
		return reader_fail(r, at, "%s and %s: objects and plain "
		    "content cannot be mixed", op->to.value->name,
		    op->from.value->name);
	return true;
}

static bool
read_operation(struct reader *r, const struct where *at, const json_t *json,
    struct operation *op)
{
	const char *command;

	if (read_text(r, at, json, "macroElementToExecuteId") != NULL)
		return reader_fail(r, at, "macros are not supported by this "
		    "engine");
	read_applied_ref(r, at, json, "valueElementToApplyId", &op->to,
	    &command);
	read_value_ref(r, at, json, "valueElementToReferenceId", &op->from);
	op->order = read_integer(r, at, json, "order", 0);
	return !r->failed && read_command(r, at, command, op) &&
	    check_operation(r, at, op);
}

/* Few and mostly sorted already; equal ones keep their places. */
static void
sort_operations(struct operation *ops, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct operation op = ops[i];
		size_t j = i;

		for (; j > 0 && ops[j - 1].order > op.order; j--)
			ops[j] = ops[j - 1];
		ops[j] = op;
	}
}

bool
read_operations(struct reader *r, const struct where *at, const json_t *json,
    const char *key, struct operation **operations, size_t *count)
{
	const json_t *list = read_list(r, at, json, key, MEMBERS_MAX);
	const struct where list_at = { at, key, 0 };
	struct operation *ops = arena_array(r->arena, json_array_size(list),
	    sizeof(*ops));
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);

		if (!read_bool(r, &here, item, "disabled", false))
			read_operation(r, &here, item, &ops[n++]);
	}
	sort_operations(ops, n);
	*operations = ops;
	*count = n;
	return !r->failed;
}
