#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""Every line of /metrics is read as strictly as the format allows: families
whole and once, base units, histograms that add up, counters that only grow.
Nothing that clients make up becomes a label."""
import random
import re

from lib import Origin, Platform, same, story, truth

SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)')
OF_HISTOGRAM = ("_bucket", "_sum", "_count")

# What an operator's dashboards rest on, with their labels.
EXPECTED = {
    "portolan_requests_total": "region class code",
    "portolan_decisions_total": "reason region",
    "portolan_client_country_total": "country",
    "portolan_client_class_total": "class",
    "portolan_client_address_total": "source",
    "portolan_restriction_denied_total": "kind reason",
    "portolan_residency_unavailable_total": "set",
    "portolan_residency_assert_failures_total": "",
    "portolan_request_duration_seconds": "region",
    "portolan_upstream_duration_seconds": "region",
    "portolan_tenant_store_calls_total": "region engine",
    "portolan_tenant_store_failures_total": "region engine",
    "portolan_upstream_up": "region engine",
    "portolan_retries_total": "why",
    "portolan_connections": "side state",
    "portolan_geoip_db_build_timestamp_seconds": "",
    "portolan_geoip_reload_total": "result",
    "portolan_config_generation": "",
    "portolan_config_last_reload_successful": "",
    "portolan_config_last_reload_timestamp_seconds": "",
    "portolan_tls_cert_expiry_timestamp_seconds": "listener name",
    "portolan_http_rejects_total": "rule",
    "portolan_access_log_dropped_total": "",
    "portolan_trace_spans_total": "result",
    "portolan_build_info": "version commit",
    "process_cpu_seconds_total": "", "process_open_fds": "",
    "process_max_fds": "", "process_start_time_seconds": "",
    "process_virtual_memory_bytes": "", "process_resident_memory_bytes": "",
}
TENANT = "6a64a44b-0e03-4e0e-9e13-4c1ef1c1f001"
RESTRICTIONS = {"tenants": {TENANT: {"restrictions": {"flowRestrictions": {
    "execution": {"enabled": True, "countries": ["GB"]}}}}}}


def labels_of(text):
    labels, at = [], 0
    while at < len(text):
        m = LABEL.match(text, at)
        truth(f"labels {text[at:]!r}", m)
        labels.append((m[1], m[2]))
        at = m.end()
        truth(f"no comma at the end of {text!r}",
              m[3] == "" or at < len(text))
    names = [name for name, _ in labels]
    same(f"labels of {text!r} are given once", len(set(names)), len(names))
    return tuple(labels)


def right_name(name, kind):
    truth(f"{name} begins as ours", re.match("portolan_|process_", name))
    same(f"{name}: _total is for counters", name.endswith("_total"),
         kind == "counter")
    truth(f"{name} has a base unit", not re.search(
        r"_(ms|us|ns|milliseconds|microseconds|minutes|hours|kb|mb|kib|mib|"
        r"percent)(_|$)", name))


def family_of(name, families):
    """A sample belongs to the family begun last, by its name."""
    last, (kind, _) = list(families.items())[-1]
    if kind == "histogram":
        truth(f"{name} is of {last}",
              name in [last + end for end in OF_HISTOGRAM])
    else:
        same("a sample's family", name, last)
    return last


def read(text):
    """{family: (type, {(name, labels): value})}"""
    families, described = {}, None
    same("the last line ends", text[-1], "\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            described, _, words = line[7:].partition(" ")
            truth(f"{described} stands once", described not in families)
            truth(f"a sentence: {line}", re.match("[A-Z0-9]", words) and
                  words[-1] == "." and "\\" not in words)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            same("TYPE follows its HELP", name, described)
            truth(line, kind in ("counter", "gauge", "histogram"))
            right_name(name, kind)
            families[name] = kind, {}
        else:
            m = SAMPLE.match(line)
            truth(f"a sample: {line!r}", m)
            key = m[1], labels_of(m[2] or "")
            samples = families[family_of(m[1], families)][1]
            truth(f"once: {line}", key not in samples)
            samples[key] = float(m[3])
            truth(f"a value: {line}", 0 <= samples[key] < float("inf"))
    return families


def check_histogram(name, samples):
    """By the rest of their labels: buckets in order, adding up."""
    series = {}
    for (sample, labels), value in samples.items():
        labels = dict(labels)
        bound = labels.pop("le", None)
        one = series.setdefault(tuple(labels.items()), {"le": []})
        if sample.endswith("_bucket"):
            one["le"].append((float(bound), value))
        else:
            one[sample[len(name):]] = value
    for labels, one in series.items():
        bounds = [bound for bound, _ in one["le"]]
        counts = [count for _, count in one["le"]]
        same(f"bounds of {name}{labels}", bounds, sorted(set(bounds)))
        same("the last bound", bounds[-1], float("inf"))
        same(f"buckets of {name}{labels}", counts, sorted(counts))
        same("all of them", counts[-1], one["_count"])
        truth("a sum", one["_sum"] >= 0 and
              (one["_sum"] == 0 or one["_count"] > 0))


def names_of(families):
    """All series but those of status codes, which are few by themselves."""
    return {key for name, (_, samples) in families.items()
            if name != "portolan_requests_total" for key in samples}


def ask_nonsense(edge, seed):
    rng = random.Random(seed)

    def word(n=12):
        return "".join(rng.choice("abcdefghijklmnop") for _ in range(n))

    for _ in range(40):
        edge.get(f"/api/run/1/{word()}", [
            ("ManyWhoTenant", word()), ("User-Agent", word()),
            ("X-Request-Id", word()), ("X-Forwarded-For", word())])
        with edge.connect() as c:
            c.ask("GET", "/", [("Host", word() + ".example")])
        with edge.connect() as c:
            c.send(f"{word().upper()} /{word()} HTTP/1.1\r\nHost: x\r\n"
                   f"{word()} : x\r\n\r\n".encode())
            c.read()


@story
def main():
    def script(conn, request):
        conn.answer(200, b"ok")

    with Platform(origins={"US": Origin("US", script)}, tls=True,
                  restrictions=RESTRICTIONS) as p:
        us = p["US"]

        def scrape():
            answer = us.admin("/metrics")
            same("its type", answer["Content-Type"],
                 "text/plain; version=0.0.4; charset=utf-8")
            families = read(answer.body.decode("ascii"))
            for name, (kind, samples) in families.items():
                if kind == "histogram":
                    check_histogram(name, samples)
            return families

        for country in ("FR", "US", "GB"):
            same("served", us.get("/api/run/1/a", of=country).status, 200)
        us.get("/api/run/1/b", [("ManyWhoTenant", TENANT)], of="GB")
        for nowhere in ("10.0.0.1", "fc00::1", "2002:cb00:7109::1"):
            us.get("/api/run/1/a", of=nowhere)
        same("classes", {c: us.metric("portolan_client_class_total", **{
            "class": c}) for c in ("located", "private", "unknown")},
             {"located": 4, "private": 2, "unknown": 1})
        ask_nonsense(us, 1)
        before = scrape()
        for name, labels in EXPECTED.items():
            truth(f"{name} is told", name in before)
            for _, have in before[name][1]:
                same(f"labels of {name}", [n for n, _ in have if n != "le"],
                     labels.split())
        same("requests", before["portolan_request_duration_seconds"][1][
            "portolan_request_duration_seconds_count",
            (("region", "US"),)] >= 3, True)

        ask_nonsense(us, 2)
        after = scrape()
        same("nothing that clients make up becomes a label",
             names_of(after) - names_of(before), set())
        for name, (kind, samples) in before.items():
            for key, value in samples.items():
                truth(f"{key} only grows", kind == "gauge" or
                      after[name][1][key] >= value)
        print(f"{len(before)} families, {len(names_of(before))} series")
