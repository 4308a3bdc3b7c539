# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""What the edge is to cost, and what it does: the table of aims and limits, each
beside its result.  Nothing is timed in a test: a missed aim is told, not a
failure."""
import collections

# Of a scenario: Portolan's value itself, or its ratio to that of a peer (the
# greatest, of several), median of the ratios within the rounds.  most: what
# no landing may cross.  up: more is better.
Goal = collections.namedtuple(
    "Goal", "work scenario peers aim most up", defaults=(None, False))

NGINX, HAPROXY, FLOOR, H2O = ("nginx",), ("haproxy",), ("forwarder",), ("h2o",)
GOALS = (
    Goal("HTTP/1.1, 64 connections", "h1-64", NGINX, .65, .80),
    Goal("HTTP/1.1, 64 connections", "h1-64", HAPROXY, .60),
    Goal("HTTP/1.1, 64 connections", "h1-64", FLOOR, 1.25, 1.5),
    Goal("the same, a browser's head", "h1-browser", NGINX, .65, .80),
    Goal("the same, a browser's head", "h1-browser", HAPROXY, .60),
    Goal("the same, a browser's head", "h1-browser", FLOOR, 1.25, 1.5),
    Goal("HTTP/1.1, 8 connections", "h1-8", NGINX, .70, .85),
    Goal("HTTP/1.1, 8 connections", "h1-8", FLOOR, 1.25, 1.5),
    Goal("HTTP/1.1, 512 connections", "h1-512", NGINX, .55, .70),
    Goal("HTTP/1.1, 512 connections", "h1-512", FLOOR, 1.25, 1.5),
    Goal("a new connection per request", "new-connection", NGINX, .85, 1.0),
    Goal("TLS, HTTP/1.1, 64 connections", "tls-h1", NGINX, .75, .90),
    Goal("TLS, HTTP/2, 16 × 8 streams", "tls-h2", HAPROXY, .85, 1.0),
    Goal("TLS, HTTP/2, 16 × 8 streams", "tls-h2", H2O, 1.0),
    Goal("TLS 1.3 handshake, full", "tls-new", NGINX, .90, 1.0),
    Goal("TLS 1.3 handshake, resumed", "tls-resumed", NGINX, .90, 1.0),
    Goal("answer of 1 MiB", "body-1m", NGINX, .65, .85),
    Goal("answer of 64 KiB", "body-64k", NGINX, .70, .85),
    Goal("post of 64 KiB", "post-64k", NGINX, .60, .85),
    Goal("answer of 1 MiB over TLS", "tls-1m", NGINX, .90, 1.0),
    Goal("p99 at half of the slowest's rate, 64 connections", "p99-64",
         NGINX + HAPROXY, 1.0, 1.2),
    Goal("the same, 8 connections", "p99-8", NGINX + HAPROXY, 1.0, 1.2),
    Goal("idle connection", "idle", (), .7, 1.0),
    Goal("idle connection of TLS", "idle-tls", (), 15, 16),
    Goal("resident, whole database and map", "resident", (), 40, 64),
    Goal("instructions a request, user space", "instructions", (), 8000,
         12000),
    Goal("system calls a request, 64 connections", "syscalls-64", (), 4.1,
         4.3),
    Goal("system calls a request, 64 connections", "syscalls-64", FLOOR, 1.0),
    Goal("system calls a request, 1 connection", "syscalls-1", (), 6.0, 6.1),
    Goal("10 → 1,000,000 restricted flows, ten are used", "flows-same",
         ("flows-10",), 1.0, 1.05),
    Goal("10 → 1,000,000 restricted flows, all are used", "flows-any",
         ("flows-10",), 1.0, 1.05),
    Goal("10 → 10,000 entries of the map", "entries", ("entries-10",), 1.0,
         1.05),
    Goal("1 → 2 threads, requests a second", "threads", ("threads-1",), 1.9,
         1.7, True),
    # Two threads do 1.9 times the work of one if a request costs 2 / 1.9.
    Goal("1 → 2 threads, cost on one core", "threads-cost", ("threads-1",),
         1.05, 1.18),
    Goal("1 → 2 threads, cost on two cores", "threads-apart", ("one-core",),
         1.05, 1.18),
    Goal("decision of the place, median", "geo-median", (), 60),
    Goal("decision of the place, p99", "geo-p99", (), 250),
    Goal("longest request while all is reloaded, to the usual p99",
         "reload-longest", ("usual-p99",), 2.0),
    Goal("the same, to the longest without reloads", "reload-stall",
         ("usual-longest",), 1.0, 2.0),
    Goal("p99 while all is reloaded, to the usual p99", "reload-p99",
         ("usual",), 2.0),
    Goal("ten minutes at full rate: memory", "growth-memory",
         ("first-minute",), 1.0, 1.05),
    Goal("ten minutes at full rate: cost of a request", "growth-cost",
         ("first-minute",), 1.0, 1.05),
)
ONLY_ONE_OF = {"threads": "threads-cost", "threads-cost": "threads",
               "threads-apart": "threads"}
UNKNOWN = "not measured"
UNITS = {"us": "µs", "instructions": "", "calls": ""}


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def with_unit(row):
    unit = UNITS.get(row["unit"], row["unit"])
    return f"{number(float(row['value']))} {unit}".rstrip()


def verdict(goal, result):
    """By the figures as they are printed."""
    def holds(bound):
        shown = round(result, 2)
        return shown >= bound if goal.up else shown <= bound
    if holds(goal.aim):
        return "met"
    if goal.most is not None and holds(goal.most):
        return "within the limit"
    return "missed"


def result_of(goal, rows):
    """(result, Portolan's row, the peer's row), or None: not measured."""
    of = {row["peer"]: row for row in rows
          if row["scenario"] == goal.scenario}
    if "portolan" not in of or any(p not in of for p in goal.peers):
        return None
    if not goal.peers:
        return float(of["portolan"]["value"]), of["portolan"], None
    worst = max((of[p] for p in goal.peers),
                key=lambda row: float(row["portolan_to_it"]))
    return float(worst["portolan_to_it"]), of["portolan"], worst


def table(rows):
    """A list of cells for each goal: work, Portolan, peer, result, aim, limit,
    verdict."""
    lines = []
    for goal in GOALS:
        found = result_of(goal, rows)
        bounds = [number(goal.aim),
                  "" if goal.most is None else number(goal.most)]
        if found is None:
            other = ONLY_ONE_OF.get(goal.scenario)
            if not any(row["scenario"] == other for row in rows):
                lines.append([goal.work, "", "", "", *bounds,
                              UNKNOWN])
            continue
        result, own, peer = found
        lines.append([
            goal.work, with_unit(own),
            "" if peer is None else f"{peer['peer']} {with_unit(peer)}",
            number(result) + ("" if peer is None else " ×"), *bounds,
            verdict(goal, result)])
    return lines


HEADS = ["work", "Portolan", "beside", "result", "aim", "limit", ""]


def text(rows):
    """Of what was measured; the rest is counted."""
    all_lines = table(rows)
    lines = [HEADS] + [line for line in all_lines if line[-1] != UNKNOWN]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    left = len(all_lines) + 1 - len(lines)
    return "\n".join("  ".join(
        cell.ljust(width) if i in (0, 6) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines) + (
        f"\n{left} of {len(all_lines)} not measured" if left else "")


def markdown(rows):
    lines = [HEADS, ["---"] + ["--:"] * 5 + ["---"]] + table(rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
