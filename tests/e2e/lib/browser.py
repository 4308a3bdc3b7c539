# SPDX-License-Identifier: Apache-2.0
# Copyright the Portolan authors
"""A real browser without a window: Chromium, told what to do by WebDriver
(W3C) over HTTP."""
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

from .addresses import free_port
from .story import SCALE, Failed, wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"      # WebDriver, 11.
# It would else look for servers of its maker, which are not here.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=900,1100"]


class Browser:
    """hosts: name -> (address, port) that it is found at."""

    def __init__(self, hosts):
        self.rules = ",".join(f"MAP {name}:80 {at[0]}:{at[1]}"
                              for name, at in hosts.items())
        self.dir = tempfile.mkdtemp(prefix="portolan-browser-")
        self.session = self.process = None

    def __enter__(self):
        driver = shutil.which("chromedriver")
        if driver is None:
            raise Failed("no chromedriver here: scripts/install-deps")
        try:
            self.port = free_port()
            with open(f"{self.dir}/driver.log", "wb") as log:
                self.process = subprocess.Popen(
                    [driver, f"--port={self.port}"], stdout=log, stderr=log,
                    start_new_session=True,
                    env={**os.environ, "HOME": self.dir})
            wait_for("chromedriver answers", self._ready, 30)
            self.session = self._call("POST", "/session", {
                "capabilities": {"alwaysMatch": {
                    "browserName": "chrome",
                    "goog:loggingPrefs": {"browser": "ALL"},
                    "goog:chromeOptions": {
                        "binary": shutil.which("chromium"),
                        "args": [*QUIET, f"--user-data-dir={self.dir}/user",
                                 f"--host-resolver-rules={self.rules}"]}}},
            })["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        try:
            if self.session is not None:
                self._call("DELETE", f"/session/{self.session}")
        except (OSError, Failed, http.client.HTTPException):
            pass
        if self.process is not None:
            # Its whole group: a browser is many processes.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _ready(self):
        try:
            return self._call("GET", "/status")["ready"]
        except (OSError, http.client.HTTPException):
            return None

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=60 * SCALE)
        try:
            connection.request(method, path,
                               None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed(f"{method} {path}: {value['error']}: "
                         f"{value['message'].splitlines()[0]}")
        return value

    def _do(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    # --- what a user does -------------------------------------------------------

    def open(self, url):
        self._do("POST", "/url", {"url": url})

    def address(self):
        return self._do("GET", "/url")

    def reload(self):
        self._do("POST", "/refresh", {})

    def script(self, text, *args):
        """The value of a script's return."""
        return self._do("POST", "/execute/sync",
                        {"script": text, "args": list(args)})

    def find(self, css):
        """The element when it is there; it may take a while to come."""
        def look():
            found = self._do("POST", "/elements",
                             {"using": "css selector", "value": css})
            return found[0][ELEMENT] if found else None
        try:
            return wait_for(f"{css} on the page", look)
        except Failed as e:
            raise Failed(f"{e}; the page says {self.text('body')!r}; its "
                         f"log: {self.log()}") from None

    def text(self, css):
        return self.script("return document.querySelector(arguments[0])"
                           "?.innerText ?? null", css)

    def shows(self, css, text):
        """Waits until the element's text holds this."""
        try:
            wait_for(f"{text!r} in {css}",
                     lambda: text in (self.text(css) or ""))
        except Failed as e:
            raise Failed(f"{e}; it says {self.text(css)!r}; its log: "
                         f"{self.log()}") from None

    def labelled(self, label):
        """The control with this label."""
        return self.find(f"#{self._id_of(label)}")

    def _id_of(self, label):
        def look():
            return self.script(
                "const l = [...document.querySelectorAll('label')].find("
                "(x) => x.textContent === arguments[0]);"
                "return l ? CSS.escape(l.htmlFor) : null", label)
        return wait_for(f"a field with label {label}", look)

    def type(self, label, text):
        element = self.labelled(label)
        self._do("POST", f"/element/{element}/clear", {})
        if text:
            self._do("POST", f"/element/{element}/value", {"text": text})

    def value(self, label):
        return self._do("GET", f"/element/{self.labelled(label)}"
                               "/property/value")

    def click(self, css):
        self._do("POST", f"/element/{self.find(css)}/click", {})

    def press(self, label):
        """The button with this text."""
        def look():
            return self.script(
                "const b = [...document.querySelectorAll('button')].find("
                "(x) => x.textContent === arguments[0] && !x.disabled);"
                "b?.click(); return !!b", label)
        wait_for(f"a button {label}", look)

    def keys(self, text):
        """Pressed one after the other, wherever the focus is."""
        self._do("POST", "/actions", {"actions": [{
            "type": "key", "id": "keyboard", "actions": [
                {"type": kind, "value": key} for key in text
                for kind in ("keyDown", "keyUp")]}]})

    def focused(self):
        """The id of what has the focus."""
        return self.script("return document.activeElement.id")

    def name_of(self, css):
        """What a screen reader calls it."""
        return self._do("GET", f"/element/{self.find(css)}/computedlabel")

    def narrow(self, width):
        """As on a screen of so many points."""
        self._do("POST", "/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride", "params": {
                "width": width, "height": 640, "deviceScaleFactor": 1,
                "mobile": True}})

    def log(self):
        """What the page complained of since the last look."""
        return [e["message"] for e in self._do(
            "POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self._do("GET", "/screenshot")))
