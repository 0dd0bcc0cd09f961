"""A headless Chromium, driven over the DevTools protocol through two pipes: messages are JSON that ends with a zero byte."""
import base64
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

LIMIT = 20  # seconds, for what takes none
# Quiet by itself: whatever it asks the network for is then the page's.
OPTIONS = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-default-apps", "--disable-extensions", "--no-pings", "--password-store=basic", "--mute-audio",
           "--disable-breakpad", "--disable-features=MediaRouter,OptimizationHints,Translate", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
KEYS = {"Tab": (9, "\t"), "Enter": (13, "\r"), "Escape": (27, ""), "Space": (32, " "), "ArrowDown": (40, ""), "Home": (36, "")}


def chromium():
    """Its path, or None. The shell has no window, which it would draw all the same: it takes half of the processor time."""
    return next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)


class Failed(Exception):
    """The browser refused, or what ran in the page threw."""


class Browser:
    """One process with a profile of its own, which goes with it. Not thread-safe."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="prot-browser-")
        to_browser, from_browser = os.pipe(), os.pipe()
        options = OPTIONS + ([] if os.geteuid() else ["--no-sandbox"])
        environment = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "XDG_CACHE_HOME": self.folder,
                       "TMPDIR": self.folder}
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}', "bash", chromium(), *options,
             f"--user-data-dir={self.folder}/profile", "about:blank"],
            env=environment, pass_fds=(to_browser[0], from_browser[1]), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.out, self.into = to_browser[1], from_browser[0]
        self.buffer, self.number, self.pages = b"", 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        with contextlib.suppress(Failed, OSError, subprocess.TimeoutExpired):
            self.call("Browser.close")
            self.process.wait(LIMIT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its helpers, too
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        for _ in range(50):  # a helper that is being killed may still write
            shutil.rmtree(self.folder, ignore_errors=True)
            if not pathlib.Path(self.folder).exists():
                break
            time.sleep(0.02)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        until = time.monotonic() + LIMIT
        while True:
            answer = self._next(until)
            if answer is None:
                raise Failed(f"{method}: no answer")
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _next(self, until):
        """The next answer; what pages tell goes to them. None: nothing came in time."""
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            data = os.read(self.into, 1 << 20)
            if not data:
                raise Failed("the browser is gone")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(line)
        page = self.pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.take(message["method"], message["params"])
        return message

    def listen(self, seconds):
        """Takes what pages tell for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._next(until)

    def page(self, languages="en-US", beside=None):
        return Page(self, languages, beside)


class Page:
    """A page: `requests` are the addresses that it asked for, `complaints` what it wrote to its console or threw.

    It remembers nothing of others and shares no connection with them, unless it is a tab `beside` another one.
    """

    def __init__(self, browser, languages, beside=None):
        self.browser, self.requests, self.complaints = browser, [], []
        self.own_context = beside is None
        self.context = beside.context if beside else browser.call("Target.createBrowserContext")["browserContextId"]
        self.target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        agent = browser.call("Browser.getVersion")["userAgent"]
        self.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)
        self.size(1440, 900)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def close(self):
        """With the first of them its neighbours go, too."""
        if self.browser.pages.pop(self.session, None) is None:
            return
        if self.own_context:
            self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        else:
            with contextlib.suppress(Failed):
                self.browser.call("Target.closeTarget", targetId=self.target)

    def take(self, method, told):
        if method in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            self.requests.append(told["request"]["url"] if "request" in told else told["url"])
        elif method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(argument.get("value")) for argument in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def open(self, address):
        self.see("window.departing = true")
        failed = self.call("Page.navigate", url=address).get("errorText")
        if failed:
            raise Failed(f"{address}: {failed}")
        self.wait("!window.departing && document.readyState !== 'loading'")

    def see(self, expression):
        """The value of an expression in the page, as JSON has it. A promise is waited for."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            details = done["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description") or details["text"])
        return done["result"].get("value")

    def wait(self, expression, seconds=LIMIT):
        """Until it is true; its value."""
        until = time.monotonic() + seconds
        while not (value := self.see(expression)):
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {expression}")
            self.browser.listen(0.02)
        return value

    def text(self, selector):
        """What is written there; '' where nothing is."""
        return self.see(f"document.querySelector({json.dumps(selector)})?.textContent.replace(/\\s+/g, ' ').trim() ?? ''")

    def hide(self, hidden):
        """As if another tab were in front of it: a browser without a window shows them all."""
        self.see(f"Object.defineProperty(document, 'hidden', {{value: {json.dumps(hidden)}, configurable: true}});"
                 "document.dispatchEvent(new Event('visibilitychange'))")

    def press(self, key, shift=False):
        code, text = KEYS[key]
        about = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """prefers_color_scheme="dark", ..."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
