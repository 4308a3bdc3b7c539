# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""The frame of a story: deadlines, and saying what is wrong."""
import os
import random
import sys
import threading
import time
import traceback

SCALE = float(os.environ.get("TIME_SCALE", "1"))


class Failed(Exception):
    """The story did not go as told."""


def same(what, got, expected):
    if got != expected:
        raise Failed(f"{what}: {got!r} instead of {expected!r}")


def truth(what, condition):
    if not condition:
        raise Failed(f"not true: {what}")


def deadline(seconds):
    """A point of time.monotonic(), stretched for slow builds."""
    return time.monotonic() + seconds * SCALE


def wait_for(what, question, seconds=10):
    """Asks again and again, briefly, until the answer is not None or False."""
    end = deadline(seconds)
    while True:
        answer = question()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


def story(main):
    """Runs the story when its file is the program; exit code 0 if it holds,
    in its threads as well.

    SEED=n repeats the random choices of an earlier run.
    """
    if main.__module__ != "__main__":
        return main
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"seed {seed}", flush=True)
    random.seed(seed)
    code, ended = 0, []

    def end_of_thread(end):
        ended.append(end.thread.name)
        traceback.print_exception(end.exc_type, end.exc_value,
                                  end.exc_traceback)
    threading.excepthook = end_of_thread
    try:
        main()
        same("threads that ended in the middle", ended, [])
    except Failed as e:
        where = traceback.extract_tb(e.__traceback__)
        frame = next((f for f in reversed(where)
                      if not f.filename.startswith(os.path.dirname(__file__))),
                     where[-1])
        print(f"{frame.filename}:{frame.lineno}: {e}")
        code = 1
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of origins may still be waiting for peers; nothing is lost.
    os._exit(code)
