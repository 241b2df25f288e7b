"""Opens a page of `treadle bench` in headless Chromium: no script error, its buttons work; takes a screenshot.

    python bench/open_page.py build/bench-smoke/index.html --screenshot build/bench-smoke/page.png

A copy of the page is opened that presses every button twice and then says so. Exit status 0: opened without an error;
1: an error, or the buttons do not work; where no Chromium is installed it says so and leaves with 0, unless --must.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PRESS = """<script>
let wrong = 0;
for (const button of document.querySelectorAll("button[data-engine]")) {
  const curves = [...document.querySelectorAll(".curve.e" + button.dataset.engine)];
  button.click();
  wrong += curves.filter((curve) => !curve.classList.contains("hidden")).length;
  button.click();
  wrong += curves.filter((curve) => curve.classList.contains("hidden")).length;
}
document.documentElement.dataset.pressed = wrong ? wrong + " curves stayed" : "all";
</script></body>"""
#: A line of Chromium's log about what a page's script did wrong.
ERROR = re.compile(r"CONSOLE.*(Uncaught|Error|Refused|Failed)")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("--screenshot", type=Path)
    parser.add_argument("--size", default="1200,1500")
    parser.add_argument("--must", action="store_true", help="fail where no Chromium is installed")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("no Chromium is installed; the page was not opened")
        return int(arguments.must)
    problems = problems_of(browser, arguments.page.read_text("utf-8"))
    if arguments.screenshot:
        options = (f"--screenshot={arguments.screenshot.resolve()}", f"--window-size={arguments.size}")
        open_page(browser, arguments.page.resolve(), *options)
    print("\n".join(problems) or f"{arguments.page}: opened without a script error")
    return int(bool(problems))


def problems_of(browser: str, page: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(page.replace("</body>", PRESS), "utf-8")
        done = open_page(browser, copy, "--dump-dom")
    found = [line for line in done.stderr.splitlines() if ERROR.search(line)]
    pressed = re.search(r'data-pressed="([^"]*)"', done.stdout)
    if pressed is None or pressed[1] != "all":
        found.append(f"the buttons: {pressed[1] if pressed else 'the script did not run to its end'}")
    return found


def open_page(browser: str, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]
    return subprocess.run(
        [*command, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
