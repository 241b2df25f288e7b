"""Kernels are compiled where nothing can be written, cached where something can, and helpers are compiled once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from treadle.compiling import INTERPRETED, helper

ENGINE = Path(__file__).resolve().parents[2] / "engine"
MODULE = """
from treadle.compiling import kernel

@kernel
def double(x):
    return 2 * x
"""

pytestmark = pytest.mark.skipif(INTERPRETED, reason="nothing is compiled")


@pytest.mark.parametrize("writable", [True, False])
def test_a_read_only_installation_works(tmp_path, writable):
    package, home = tmp_path / "package", tmp_path / "home"
    package.mkdir()
    (package / "module.py").write_text(MODULE)
    # Permissions do not stop root, a file in the folder's place does.
    (package / "__pycache__").write_text("")
    if writable:
        home.mkdir()
    else:
        home.write_text("")
    given = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", "import module; print(module.double(21))"],
        env={**given, "HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": f"{package}:{ENGINE}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "42\n", done.stderr
    if writable and sys.platform == "linux":
        assert list(home.rglob("*.nbi"))


@helper
def plus(a, b):
    return a + b


@numba.njit  # not kept on disk: it is the compilation that is looked at
def sums(x):
    return plus(x, 1) + plus(x, 2) + plus(3, x)


def test_a_helper_is_compiled_for_types_and_not_for_constants():
    assert sums(10) == 36
    assert len(plus.overloads) == 1
