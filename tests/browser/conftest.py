"""A real browser, Chromium, and a server with pages for it. Skipped where there is none."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.auth.oauth.party import Site, serving
from tests.browser.keyboard import Keyboard
from tests.waiting import SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
)

NewKeyboard = Callable[..., Keyboard]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The installed Chromium with a fresh profile; it ends with the module, as its loop must."""
    library: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"there is no browser: none of {', '.join(_NAMES)} is on the PATH")
    with library.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts, each with cookies of its own; no step in one may take longer than 10 s."""
    with ExitStack() as stack:

        def make(**options: Any) -> BrowserContext:
            context = stack.enter_context(chromium.new_context(**{"locale": "en-GB", **options}))
            context.set_default_timeout(SECONDS * 1000)
            return context

        yield make


@pytest.fixture
def new_keyboard(new_context: Callable[..., BrowserContext]) -> NewKeyboard:
    """Makes people with a keyboard."""
    return lambda **options: Keyboard(new_context(**options).new_page())


@pytest.fixture(scope="module")
def callback() -> Iterator[str]:
    """The redirect URI of an app that listens on the loopback."""
    listener = HTTPServer(("127.0.0.1", 0), _Callback)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}/callback"
    listener.shutdown()
    thread.join(SECONDS)
    listener.server_close()


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"<!doctype html><title>The app</title><p>Done"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of axe, which finds what keeps people out of a page."""
    from tests.npm import install

    folder = install("axe-core@4.14.1", tmp_path_factory.mktemp("axe"))
    return folder / "node_modules" / "axe-core" / "axe.min.js"
