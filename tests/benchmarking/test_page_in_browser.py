"""The page opens in headless Chromium; what opens it sees a script that is broken."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from benchmarking.test_reports import ROWS, SETTINGS
from treadle.bench import page

OPENER = Path(__file__).resolve().parents[2] / "bench" / "open_page.py"


@pytest.fixture(scope="module")
def opener():
    spec = importlib.util.spec_from_file_location("open_page", OPENER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(opener):
    found = next(filter(None, map(shutil.which, opener.BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


def test_opens_without_a_script_error(opener, browser):
    assert opener.problems_of(browser, page.page(SETTINGS, ROWS)) == []


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("button.dataset.engine", "button.data.engine", "Uncaught TypeError"),
        ('toggle("hidden", off)', 'toggle("hidden", !off)', "curves stayed"),
        ("</body>", "", "did not run to its end"),
    ],
)
def test_a_broken_page_is_seen(opener, browser, before, after, seen):
    broken = page.page(SETTINGS, ROWS).replace(before, after)
    assert seen in "\n".join(opener.problems_of(browser, broken))
