#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""PUT /v1/map (portolan ctl map put) checks a region map, tells what it
changes, writes its file and takes it into service, or leaves file and memory
as they are: mistakes, another operator's change, a file that cannot be
written, a map that is too large."""
import json
import os
import re
import socket

from lib import Platform, portolan, same, story, truth, wait_for
from lib.http import Reader

MAP_BYTES = 1024 * 1024


class Operator:
    def __init__(self, p):
        self.us, self.file = p["US"], p.path("regions.yaml")
        self.folder = p.directory

    def ask(self, method, target, body=b"", fields=()):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.us.run_dir + "/admin.sock")
            head = "".join(f"{n}: {v}\r\n" for n, v in fields)
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: a\r\n"
                      f"Content-Length: {len(body)}\r\n{head}"
                      "Connection: close\r\n\r\n".encode())
            try:
                s.sendall(body)
            except (BrokenPipeError, ConnectionResetError):
                pass                    # it has answered before the end
            return Reader(s).response(method)

    def get(self):
        answer = self.ask("GET", "/v1/map")
        same("GET /v1/map", answer.status, 200)
        return answer.body.decode(), answer["ETag"]

    def put(self, text, match, target="/v1/map"):
        fields = [] if match is None else [("If-Match", match)]
        return self.ask("PUT", target, text.encode(), fields)

    def on_disk(self):
        with open(self.file) as f:
            return f.read()

    def served(self, country):
        return self.us.get("/api/run/1/x", of=country)[
            "X-ManyWho-Region-Backend"]

    def beside(self):
        """Files that writing the map has left."""
        return [n for n in os.listdir(self.folder) if n.startswith(".")]


def put_well(o, first, tag):
    same("as it was", o.served("FR"), "GB")
    second = re.sub(r"(?m)^countries:\n", "countries:\n  FR: US\n", first)
    os.chmod(o.file, 0o640)
    inode = os.stat(o.file).st_ino
    answer = o.put(second, tag, "/v1/map?dry-run")
    same("dry run", (answer.status, json.loads(answer.body)["applied"]),
         (200, False))
    same("nothing is written", o.on_disk(), first)
    answer = o.put(second, tag)
    same("put", answer.status, 200)
    told = json.loads(answer.body)
    same("applied", told["applied"], True)
    same("its change", [c["key"] for c in told["changes"]["places"]], ["FR"])
    truth(f"in words: {told['text']}", "France" in told["text"])
    same("on disk", o.on_disk(), second)
    same("in service", o.get(), (second, f'"{told["revision"]}"'))
    same("served", o.served("FR"), "US")
    same("mode", oct(os.stat(o.file).st_mode & 0o7777), oct(0o640))
    truth("another file", os.stat(o.file).st_ino != inode)
    same("nothing beside it", o.beside(), [])
    return second, f'"{told["revision"]}"'


def refuse(o, second, tag, old):
    """Every refusal leaves the file and what is served as they are."""
    third = second.replace("FR: US", "FR: GB")

    def refused(what, answer, status, word):
        same(what, answer.status, status)
        truth(f"{what}: {answer.body}", word in answer.body.decode())
        same(f"{what}: on disk", o.on_disk(), second)
        same(f"{what}: in service", o.get(), (second, tag))
        same(f"{what}: nothing beside it", o.beside(), [])

    refused("no If-Match", o.put(third, None), 428, "If-Match")
    refused("an old revision", o.put(third, old), 412, "by now")
    refused("no revision", o.put(third, "abc"), 412, "no revision")
    refused("a mistake", o.put(third + "nonsense: 1\n", tag), 422,
            "regions.yaml:")
    refused("no YAML", o.put("{", tag), 422, "regions.yaml:")
    refused("no body", o.put("", tag), 400, "body")
    refused("too large", o.put("#" * (MAP_BYTES + 1), tag), 413, "")
    refused("a query", o.put(third, tag, "/v1/map?x"), 400, "dry-run")
    refused("another method", o.ask("POST", "/v1/map"), 405, "method")
    for method, path, allowed in (("POST", "/v1/map", "GET, HEAD, PUT"),
                                  ("PUT", "/reload", "POST"),
                                  ("POST", "/status", "GET, HEAD")):
        same(f"what {path} is for", o.ask(method, path)["Allow"], allowed)
    answer = o.us.admin("/v1/map", "PUT", b"x")
    same("not over the address", answer.status, 403)
    same("nor reading", o.us.admin("/v1/map").status, 403)
    return third


def others(p, o, second, tag, third):
    """Somebody edits the file, or has made it something else."""
    edited = second + "# edited\n"
    config = p["US"].config_file
    with open(config) as f:
        text = f.read()
    # While the configuration is broken the edit is not taken up by itself.
    p.write("US.yaml", text + "nonsense: 1\n")
    p.write("regions.yaml", edited)
    answer = o.put(third, tag)
    same("a broken configuration", answer.status, 422)
    p.write("US.yaml", text)
    answer = o.put(third, tag)
    truth(f"edited meanwhile: {answer}", answer.status in (409, 412))
    same("the edit is there", o.on_disk(), edited)
    os.rename(o.file, o.file + ".real")
    os.symlink(o.file + ".real", o.file)
    answer = o.put(third, "*")
    same("a link", answer.status, 500)
    truth(f"why: {answer.body}", b"symbolic link" in answer.body)
    truth("it still is one", os.path.islink(o.file))
    os.rename(o.file + ".real", o.file)
    same("whatever is there", o.put(third, "*").status, 200)
    same("on disk", o.on_disk(), third)
    wait_for("served", lambda: o.served("FR") == "GB")


def bring_back(p, o):
    """What can only be seen when it is taken into service: a port that is
    taken.  By then the file is written, and has to be as it was."""
    text, tag = o.get()
    inode = os.stat(o.file).st_ino
    with socket.create_server(("127.0.0.1", 0)) as taken:
        p.settings["listeners"] = [
            {"name": "plain", "address": "%s:%d" % p["US"].plain},
            {"name": "taken", "address": "%s:%d" % taken.getsockname()}]
        p["US"].write_config()
        answer = o.put(text + "# more\n", tag)
        same("a taken port", answer.status, 422)
        truth(f"told: {answer.body}", b"is as it was" in answer.body and
              b"taken" in answer.body)
        same("on disk", o.on_disk(), text)
        same("the very file", os.stat(o.file).st_ino, inode)
        same("in service", o.get(), (text, tag))
        same("nothing beside it", o.beside(), [])
    del p.settings["listeners"]
    p["US"].write_config()


def by_command(p, o, third):
    config = ["-c", p["US"].config_file]
    out, err = portolan("ctl", "map", "get", *config)
    same("get", out, third)
    revision = re.fullmatch(r"revision (\w{32})\n", err).group(1)
    p.write("new.yaml", third.replace("FR: GB", "FR: US"))
    new = p.path("new.yaml")
    out, _ = portolan("ctl", "map", "put", new, "--dry-run", *config)
    truth(f"dry run: {out}", "France" in out and "not applied" in out)
    _, err = portolan("ctl", "map", "put", new, *config, expect=2)
    truth(f"which one: {err}", "--if-match" in err)
    out, _ = portolan("ctl", "map", "put", new, "--if-match", revision,
                      *config)
    truth(f"put: {out}", "France" in out and "in service: revision" in out)
    same("served", o.served("FR"), "US")
    _, err = portolan("ctl", "map", "put", new, "--if-match", revision,
                      *config, expect=1)
    truth(f"again: {err}", "by now" in err)
    out, _ = portolan("ctl", "map", "put", new, "--force", "--json", *config)
    same("forced", json.loads(out)["applied"], True)
    same("as JSON", json.loads(portolan("ctl", "map", "get", "--json",
                                        *config)[0])["map"], o.on_disk())
    portolan("ctl", "map", "put", p.path("none"), "--force", *config,
             expect=2)


@story
def main():
    p = Platform(regions=("US", "GB"), settings={})
    o = Operator(p)
    with p:
        first, tag = o.get()
        same("what is in service", first, o.on_disk())
        second, new = put_well(o, first, tag)
        third = refuse(o, second, new, tag)
        others(p, o, second, new, third)
        bring_back(p, o)
        by_command(p, o, third)
