# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, spoken to over a pipe (the DevTools protocol: JSON between NUL bytes).

`Browser` is one process with one page. What the page writes to its console, what it throws and what
it cannot load is in `complaints`, and where it asked in `asked`.
"""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

ANSWER_S = 60


def program():
    """The path of a browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        theirs, self.to = os.pipe()
        self.come_from, answers = os.pipe()
        words = [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-dev-shm-usage", f"--user-data-dir={self.folder}",
                 "--disable-ipc-flooding-protection",  # else 200 addresses in 10 s at most
                 "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(  # which wants the pipes as descriptors 3 and 4
            ["sh", "-c", f'exec 8<&{theirs} 9>&{answers}; exec 3<&8 4>&9; exec "$@"', "sh", *words],
            pass_fds=(theirs, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(answers)
        self.rest, self.number, self.session = b"", 0, None
        self.complaints, self.asked = [], set()
        page = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.come_from)
        shutil.rmtree(self.folder, ignore_errors=True)

    def next_message(self, end):
        while b"\0" not in self.rest:
            if not select.select([self.come_from], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"the browser did not answer within {ANSWER_S} s")
            data = os.read(self.come_from, 1 << 20)
            if not data:
                raise AssertionError("the browser has left")
            self.rest += data
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + ANSWER_S
        while True:
            message = self.next_message(end)
            if message.get("id") == self.number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self.note(message)

    def note(self, message):
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.add(message["params"]["request"]["url"])
        if message.get("params", {}).get("entry", {}).get("level") == "verbose":
            return  # advice
        if message.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                                     "Log.entryAdded", "Network.loadingFailed"):
            self.complaints.append(json.dumps(message["params"])[:500])

    def value(self, script):
        """Of an expression or of a promise, as JSON has it."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait_for(self, script):
        end = time.monotonic() + ANSWER_S
        while not self.value(f"Boolean({script})"):
            if time.monotonic() > end:
                raise AssertionError(f"not within {ANSWER_S} s: {script}")

    def open(self, url, width, theme, shown):
        """`theme`: light or dark; waits until something matches the selector `shown`."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800,
                 deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": theme}])
        self.ask("Page.navigate", url=url)
        self.wait_for(f"location.href === '{url}' && document.querySelector('{shown}')")

    def press(self, key, code):
        """A key by its name and its number on the keyboard: ("Tab", 9)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))
