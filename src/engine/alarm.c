/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Waits for a time go on when it has come, though nobody looks.  The worker
 * that took the state there remembers it, for a day and in memory alone: a
 * state whose worker has ended, like one that waits longer, goes on when
 * somebody looks at it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fiber.h"
#include "engine/engine_private.h"

enum {
	ALARMS_MAX = 10000,
	ALARM_MS_MAX = 24 * 60 * 60 * 1000,
	SLACK_MS = 5,			/* of one clock against the other */
};

struct alarm {
	struct timer	 timer;
	struct list	 node;		/* in engine->alarms */
	struct engine	*engine;
	char		 tenant[GUID_TEXT], state[STATE_ID_TEXT];
};

static void
alarm_free(struct alarm *alarm)
{
	timer_cancel(&alarm->timer);
	list_remove(&alarm->node);
	alarm->engine->nalarms--;
	free(alarm);
}

static void
go_on(void *arg)
{
	struct alarm *alarm = arg;
	struct engine *e = alarm->engine;
	char tenant[GUID_TEXT], state[STATE_ID_TEXT];

	memcpy(tenant, alarm->tenant, sizeof(tenant));
	memcpy(state, alarm->state, sizeof(state));
	alarm_free(alarm);		/* it may come to another wait */
	wait_apply(e, tenant, state);
}

static void
on_alarm(struct timer *timer)
{
	struct alarm *alarm = list_entry(timer, struct alarm, timer);

	/* Nothing is begun any more; whoever looks next ends it. */
	if (alarm->engine->draining)
		alarm_free(alarm);
	else
		fiber_start(go_on, alarm);
}

void
alarm_set(const struct call_ctx *c, const struct run *run)
{
	struct engine *e = c->engine;
	int64_t ms = run->wait.until_ms - run->now_ms;
	struct alarm *alarm;

	if (run->wait.kind != WAIT_TIME || !run->wait.begun || ms < 0 || ms > ALARM_MS_MAX ||
	    e->nalarms >= ALARMS_MAX || e->draining)
		return;
	alarm = xcalloc(1, sizeof(*alarm));
	alarm->engine = e;
	guid_text(run->row.tenant, alarm->tenant);
	snprintf(alarm->state, sizeof(alarm->state), "%s", run->id);
	list_init(&alarm->node);
	list_append(&e->alarms, &alarm->node);
	e->nalarms++;
	timer_init(&alarm->timer, on_alarm);
	timer_set(e->loop, &alarm->timer, (uint64_t)ms + SLACK_MS);
}

void
alarm_cancel_all(struct engine *e)
{
	list_each(node, &e->alarms)
		alarm_free(list_entry(node, struct alarm, node));
}
