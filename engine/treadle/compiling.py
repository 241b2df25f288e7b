"""How kernels are compiled: `kernel` for those that Python calls, `helper` for those that only kernels call.

Nothing is compiled when a module is imported: a kernel is compiled, or loaded from numba's cache on disk, at its first
call. The cache lies beside the package, or in the user's cache folder where that is read-only (NUMBA_CACHE_DIR names
another); where nothing can be written, everything works and is compiled anew by every process.

A helper becomes part of every kernel that calls it, so it needs no entry from Python and no file of its own in the
cache. Leaving these out, and not compiling it anew for every constant that it is called with (numba would make a
`range_alive(m, 0x20, 0x7F)` of its own), shortens the first compilation of all kernels from 130 s to 19 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types

#: numba's own types know neither these options nor its settings.
_njit: Any = numba.njit
_config: Any = numba.config


#: Whether functions stay Python's (NUMBA_DISABLE_JIT), for tests and debuggers.
INTERPRETED: bool = bool(_config.DISABLE_JIT)


def kernel(function: Callable[..., Any]) -> Any:
    """Compiled at the first call and kept on disk. Runs without the interpreter's lock."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return _njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return _njit(**options)(function)


def helper(function: Callable[..., Any]) -> Any:
    """Compiled as part of the kernels that call it; not to be called from Python."""
    compiled = _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)
    if not INTERPRETED:
        by_value = compiled.get_call_template
        compiled.get_call_template = lambda args, kws: by_value(tuple(map(types.unliteral, args)), kws)
    return compiled
