"""The browser of the system, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _has_playwright() -> bool:
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return False
    return True


requires_chromium = pytest.mark.skipif(
    CHROMIUM is None or not _has_playwright(),
    reason="no Chromium, or no Playwright: apt-get install chromium, pip install playwright",
)


class Watch:
    """What a page did that it should not: errors, and requests that leave this machine."""

    def __init__(self, page) -> None:
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._message)
        page.on("request", self._request)

    def _message(self, message) -> None:
        # Tests read canvases, which the page itself never does.
        is_about_tests = "willReadFrequently" in message.text
        if message.type in ("error", "warning") and not is_about_tests:
            self.problems.append(message.text)

    def _request(self, request) -> None:
        scheme, _, rest = request.url.partition("://")
        if scheme != "blob":
            self.hosts.add(rest.partition("/")[0].partition(":")[0])


@contextmanager
def chromium() -> Iterator[object]:
    """A browser that is shared by some tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def browsing(browser, address: str, **options) -> Iterator[tuple[object, Watch]]:
    """A page with a profile of its own, and what it does wrong: at the end, nothing."""
    settings = {"viewport": {"width": 1280, "height": 800}, **options}
    context = browser.new_context(base_url=address, **settings)
    page = context.new_page()
    page.set_default_timeout(60_000)
    watch = Watch(page)
    yield page, watch
    context.close()
    assert watch.problems == []
    assert watch.hosts <= {"127.0.0.1"}
