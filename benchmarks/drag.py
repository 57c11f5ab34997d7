"""What dragging the playhead is like in a real browser: paints, answers, frames, the page itself.

    python -m benchmarks.drag [--sizes 10000 100000]

Starts a PostgreSQL and the product's web process of its own, and the system's Chromium, which needs
the requirements of the tests. `readout` is the work of one input before the frame; `answered` is
from an input to the frame after the state that it asked for was swapped in.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.run import build, product, publish, say

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAME = "bench"
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
WATCH = """
window.seen = { readout: [], answered: [], painted: [], shift: 0, largest: 0 };
new PerformanceObserver((list) => { for (const entry of list.getEntries())
  if (!entry.hadRecentInput) seen.shift += entry.value;
}).observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((list) => { for (const entry of list.getEntries())
  seen.largest = entry.startTime;
}).observe({ type: 'largest-contentful-paint', buffered: true });
addEventListener('DOMContentLoaded', () => {
  const asked = {};
  let began = 0;
  document.addEventListener('input', (event) => {
    if (event.target.id !== 'v') return;
    began = performance.now();
    asked[event.target.value] = began;
  }, true);
  document.addEventListener('input', (event) => {
    if (event.target.id === 'v') seen.readout.push(performance.now() - began);
  });
  document.addEventListener('htmx:after:swap', () => {
    const place = document.getElementById('panel-in').dataset.place;
    requestAnimationFrame(() => setTimeout(() => {
      seen.painted.push([performance.now(), place]);
      if (asked[place]) seen.answered.push(performance.now() - asked[place]);
      delete asked[place];
    }));
  });
});
"""


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The product's web process on a free port; its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    web = subprocess.Popen(
        [
            sys.executable, "-m", "granian", "timeline.wsgi:application", "--interface", "wsgi",
            "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--blocking-threads", "5", "--http", "1", "--no-ws", "--log-level", "warning",
        ],
        env=environment,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        web.terminate()
        web.wait()


def drag(page: "Page", seconds: float) -> None:
    """Pull the thumb to the right end and back for so long, as a hand would."""
    box = page.locator("#v").bounding_box()
    assert box
    y, left, width = box["y"] + box["height"] / 2, box["x"] + 10, box["width"] - 20
    share = page.evaluate("document.getElementById('v').value / document.getElementById('v').max")
    page.mouse.move(left + width * share, y)
    page.mouse.down()
    began = time.perf_counter()
    while (gone := time.perf_counter() - began) < seconds:
        way = 2 * gone / seconds
        page.mouse.move(left + width * (way if way < 1 else 2 - way), y)
    page.mouse.up()


def measure(page: "Page", member: str, events: int, seconds: float) -> None:
    """One page of a history, dragged and stepped through."""
    page.goto(f"/members/{member}/timeline/{events // 2}/")
    page.locator("html[data-ready]").wait_for(state="attached")
    page.wait_for_timeout(500)
    nodes = page.evaluate("document.getElementsByTagName('*').length")
    began = page.evaluate("[seen.largest, seen.shift]")
    start = page.evaluate("performance.now()")
    drag(page, seconds)
    painted = [at for at, _ in page.evaluate("seen.painted") if at - start <= seconds * 1000]
    readout = page.evaluate("seen.readout")
    page.wait_for_timeout(1000)
    page.evaluate("seen.answered.length = 0")
    page.locator("#v").focus()
    for _ in range(40):  # the slider's own step, which tells `input`
        page.evaluate(
            """() => { const v = document.getElementById('v'); v.value = Number(v.value) + 1;
            v.dispatchEvent(new Event('input', { bubbles: true })); }"""
        )
        page.wait_for_timeout(250)
    answered = page.evaluate("seen.answered")
    say(
        f"dragging {events:,} events",
        paints_per_s=round(len(painted) / seconds, 1),
        readout_p75_ms=_p75(readout), readout_max_ms=round(max(readout), 1),
        answered_p75_ms=_p75(answered), steps=len(answered),
        nodes=nodes, largest_paint_ms=round(began[0]), layout_shift=round(began[1], 3),
    )  # fmt: skip


def _p75(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=4)[2], 1)


def main() -> None:
    """A line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=6)
    options = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        say("left out: the browser's figures need the requirements of the tests")
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        say("left out: the browser's figures need chromium")
        return
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        Path(folder).chmod(0o755)
        with product(Path(folder)) as environment:
            for command in ("migrate", "collectstatic"):
                subprocess.run(
                    [sys.executable, "manage.py", command, "--no-input", "--verbosity", "0"],
                    env=environment, check=True,
                )  # fmt: skip
            publish()
            members = {size: build(size) for size in options.sizes}
            _person()
            load = os.getloadavg()[0]
            say(f"load of the machine {load:.1f} on {os.cpu_count()} cores")
            with served(environment) as url, sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, chromium_sandbox=os.geteuid() != 0, args=[*FLAGS]
                )
                page = browser.new_context(
                    base_url=url, viewport={"width": 1440, "height": 900}
                ).new_page()
                _sign_in(page)
                page.add_init_script(WATCH)
                for size, member in members.items():
                    measure(page, member, size, options.seconds)
                browser.close()


def _person() -> None:
    from django.contrib.auth.models import Group, User

    user: Any = User.objects.create_user(NAME, password=NAME)
    user.groups.set([Group.objects.get_or_create(name="agent")[0]])


def _sign_in(page: "Page") -> None:
    page.goto("/sign-in/")
    page.fill("input[name=username]", NAME)
    page.fill("input[name=password]", NAME)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)


if __name__ == "__main__":
    main()
