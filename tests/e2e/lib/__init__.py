# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What end-to-end stories are told with.

A story starts a platform of one or several regions on loopback, with scripted
origins as engines, speaks to it byte by byte, and looks at what arrived at
each end:

    from lib import Origin, Platform, same, story

    @story
    def main():
        with Platform(regions=["US", "GB"]) as platform:
            answer = platform["US"].get("/api/run/1/x", of="GB")
            same("backend", answer["X-ManyWho-Region-Backend"], "GB")

Ports come from the kernel, on a loopback address of the story's own, so
stories may run side by side.  Nothing sleeps: whatever takes time is waited
for with a deadline (TIME_SCALE stretches it).
"""
from .addresses import address_in
from .client import Client
from .command import portolan
from .http import Message, ProtocolError
from .origin import Origin
from .platform import Platform
from .story import Failed, deadline, same, story, truth, wait_for

__all__ = ["Client", "Failed", "Message", "Origin", "Platform",
           "ProtocolError", "address_in", "deadline", "portolan", "same",
           "story", "truth", "wait_for"]
