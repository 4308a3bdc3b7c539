/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Long work beside threads whose core it may share and who must not wait for
 * it: it is done by a thread of its own, which gives its core away every
 * quarter of a millisecond, if anybody else wants it, and counts for less than
 * they when the scheduler shares the core out.  Left to itself the scheduler
 * looks only when its clock ticks, which is every four milliseconds on many
 * machines, and a request waits as long; and two such threads would take turns
 * with each other while it waits.  Where nobody wants the core the work takes a
 * tenth longer; where others always do it gets a sixteenth of it, about.
 */
#ifndef BASE_GENTLE_H
#define BASE_GENTLE_H

/*
 * Returns when work has.  A thread of its own, since one that has come to
 * count for less may not take that back.  Signals are blocked in it but for
 * SIGRTMIN, which interrupts what it does; calls are restarted, except those
 * that wait with a limit.  Without memory for a thread the caller does it.
 */
void gentle_do(void (*work)(void *), void *arg);

/* How often the calling thread has given its core away so far, while it does
 * such work; 0 in any other. */
unsigned gentle_turns(void);

#endif
