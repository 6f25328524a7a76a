"""A server as a user starts it, and a browser that looks at its page."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
# a run of a fraction of a second once compiled
SMALL = {
    "family": "single_index",
    "problem": {"link": [1.0, -1.0], "activation": [1.0, 1.0]},
    "dynamics": {"epsilon": 1e-4, "until": 1.0, "particles": 64},
    "theory": {"levels": 1},
}


class Served:
    """A server in a process of its own."""

    def __init__(self, *words, folder, first="pass"):
        code = f"import sys; from saddlescope.cli import main; {first}; sys.exit(main())"
        command = [sys.executable, "-c", code, "explore"]
        self.process = subprocess.Popen(
            [*command, "--no-browser", *words],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.address = self.line.split(": ", 1)[-1].strip()

    @property
    def base(self):
        return self.address.split("?")[0].rstrip("/")

    @property
    def port(self):
        return self.base.rsplit(":", 1)[1]

    @property
    def token(self):
        return self.address.split("?token=")[1]

    def ask(self, path, told=None, **headers):
        """Ask as our own page does, unless headers say otherwise; return the status and the text."""
        own = {"Cookie": f"saddlescope-{self.port}={self.token}"}
        if told is not None:
            own |= {"Origin": self.base, "Content-Type": "application/json", "X-Page": "test"}
        data = None if told is None else told if isinstance(told, bytes) else json.dumps(told).encode()
        request = urllib.request.Request(self.base + path, data=data)
        for name, value in (own | {k.replace("_", "-"): v for k, v in headers.items()}).items():
            if value is not None:
                request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def events(self, path, told, **headers):
        """What a stream says, as pairs of a name and its content."""
        _, text, _ = self.ask(path, told, **headers)
        result = []
        for event in text.split("\n\n"):
            if event.startswith("event: "):
                name, data = event.split("\n", 1)
                result.append((name[7:], json.loads(data[6:])))
        return result

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()


@pytest.fixture(scope="package")  # not for as long as the other tests go on
def serve(tmp_path_factory):
    """Start a server with words of its command line, and code that is run before."""
    pytest.importorskip("starlette", reason="the page needs starlette")
    pytest.importorskip("uvicorn", reason="the page needs uvicorn")
    started = []

    def start(*words, folder=None, first="pass"):
        port = () if "--port" in words else ("--port", "0")
        started.append(Served(*port, *words, folder=folder or tmp_path_factory.mktemp("page"), first=first))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def small():
    """A spec whose run takes a fraction of a second once compiled."""
    return SMALL


@pytest.fixture(scope="package")  # not for as long as the other tests go on
def server(serve, tmp_path_factory):
    """One server for all tests that do not end it; it was given a log."""
    folder = tmp_path_factory.mktemp("served")
    rows = "".join(f"{k},{2.0 / (1 + (k / 50) ** 8) + 1.0 / (1 + (k / 2000) ** 8) + 0.1}\n" for k in range(1, 6000, 3))
    (folder / "log.csv").write_text("step,loss\n" + rows, encoding="utf-8")
    return serve("log.csv", folder=folder)


@pytest.fixture(scope="package")  # not for as long as the other tests go on
def browser(tmp_path_factory):
    """A browser without a window."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium with its driver here (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1200,1400",
    ):
        options.add_argument(word)
    downloads = tmp_path_factory.mktemp("downloads")
    prefs = {
        "download.default_directory": str(downloads),
        "profile.default_content_setting_values.automatic_downloads": 1,
    }
    options.add_experimental_option("prefs", prefs)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.downloads = downloads
    driver.set_script_timeout(60)
    yield driver
    with contextlib.suppress(Exception):
        driver.quit()


@pytest.fixture
def page(browser, server):
    """The page, looked at with a few words of what a test does with it."""
    return Page(browser, server)


class Page:
    """What a test does with the page."""

    def __init__(self, driver, server):
        self.driver, self.server = driver, server
        self.driver.get_log("browser")
        self.driver.set_window_size(1200, 1400)

    def open(self, state="", wait=True):
        self.driver.get("about:blank")
        self.driver.get(f"{self.server.address}{state}")
        if wait:
            self.until("window.saddlescope && saddlescope.page.setup && !saddlescope.page.running")

    def until(self, condition, seconds=120):
        """Wait for a condition of the page, in JavaScript."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            result = self.run(f"return ({condition})")
            if result:
                return result
            time.sleep(0.03)
        raise AssertionError(f"{condition} has not come about; the page says {self.text('#said')!r}")

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def slide(self, key, place):
        """Move a slider, as the mouse would."""
        self.run(
            "const s = document.querySelector(`#panel [data-slider='${arguments[0]}']`); s.value = arguments[1];"
            "s.dispatchEvent(new Event('input', {bubbles: true}))",
            key,
            str(place),
        )

    def errors(self):
        """Severe lines of the console since the page was opened."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]


class Beside(threading.Thread):
    """A function in a thread, and what it returned."""

    def __init__(self, function, *values):
        super().__init__(daemon=True)
        self.result = None
        self._function, self._values = function, values
        self.start()

    def run(self):
        self.result = self._function(*self._values)

    def returned(self):
        self.join(60)
        return self.result
