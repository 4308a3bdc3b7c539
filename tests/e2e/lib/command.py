# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Running the program's commands."""
import os
import subprocess

from .addresses import ROOT
from .story import SCALE, Failed

PROGRAM = os.environ.get("PORTOLAN", os.path.join(ROOT, "build/portolan"))
SANITIZER_SIGNS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer",
                   "runtime error:", "must hold:")


def no_sanitizer_report(text, where):
    for sign in SANITIZER_SIGNS:
        if sign in text:
            raise Failed(f"{where}: {text[max(0, text.index(sign) - 200):][:6000]}")


def portolan(*args, expect=0, stdin=None, cwd=ROOT, seconds=60):
    """Runs `portolan ARGS`; its standard output and error as text.

    expect: the exit code that it must have; None for any (then the code comes
    first in the result).
    """
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, text=True,
                          capture_output=True, cwd=cwd,
                          timeout=seconds * SCALE)
    no_sanitizer_report(done.stderr, f"portolan {args[0] if args else ''}")
    if expect is None:
        return done.returncode, done.stdout, done.stderr
    if done.returncode != expect:
        raise Failed(f"portolan {' '.join(map(str, args))}: exit code "
                     f"{done.returncode} instead of {expect}\n"
                     f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout, done.stderr
