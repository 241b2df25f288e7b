"""How kernels are compiled: `kernel` for those that Python calls, `helper` for those that only kernels call.

Nothing is compiled when a module is imported: a kernel is compiled, or loaded from numba's cache on disk, at its first
call. The cache lies beside the package, or in the user's cache folder where that is read-only (NUMBA_CACHE_DIR names
another); where nothing can be written, everything works and is compiled anew by every process.

A helper becomes part of every kernel that calls it, so it needs no entry from Python and no file of its own in the
cache. Leaving these out, and not compiling it anew for every constant that it is called with (numba would make a
`range_alive(m, 0x20, 0x7F)` of its own), makes the first compilation of all kernels several times
shorter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import types

#: numba's own types know neither these options nor its settings.
_njit: Any = numba.njit
_config: Any = numba.config


#: What kernels are made from beside the files of kernels.
_SOURCES = (
    "compiling.py",
    "automata/layout.py",
    "automata/parse_layout.py",
    "matching/reading_layout.py",
    "automata/memory.py",
    "automata/byte_automaton.py",
)
#: Whether functions stay Python's (NUMBA_DISABLE_JIT), for tests and debuggers.
INTERPRETED: bool = bool(_config.DISABLE_JIT)


def kernel(function: Callable[..., Any]) -> Any:
    """Compiled at the first call and kept on disk. Runs without the interpreter's lock."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled = _njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return _njit(**options)(function)
    if not INTERPRETED:
        # By itself numba looks at the date of the kernel's own file, and would go on using what was compiled with
        # other columns of the layout or other helpers.
        compiled._cache._cache_file._source_stamp = _stamp()
    return compiled


@cache
def _stamp() -> str:
    """A hash of every file that a kernel is made from."""
    package = Path(__file__).resolve().parent
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted([*package.rglob("*kernels.py"), *(package / name for name in _SOURCES)]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def helper(function: Callable[..., Any]) -> Any:
    """Compiled as part of the kernels that call it; not to be called from Python."""
    compiled = _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)
    if not INTERPRETED:
        by_value = compiled.get_call_template
        compiled.get_call_template = lambda args, kws: by_value(tuple(map(types.unliteral, args)), kws)
    return compiled
