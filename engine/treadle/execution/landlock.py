"""Landlock: a process gives up all files but those below some folders; no privileges are needed.

In: folders that may be read, folders that may be changed. Out: nothing; from then on the kernel refuses everything else
to this process and all that it starts, whatever mounts and owners allow. What it brought along open stays open.

Called by the jail (jail.py), which loads this file by path: nothing here may need treadle. A kernel without Landlock,
or with one that was not switched on, gives an OSError; what an older version does not know is left out of the rules,
which is less than the newest offers but never less than was asked for about reading.
Source: landlock(7); linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

CREATE, ADD, RESTRICT = 444, 445, 446
VERSION, BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1, 2, 4, 8
READING = EXECUTE | READ_FILE | READ_FOLDER
#: Rights that a rule about a single file may name: execute, write, read, truncate, ioctl.
OF_FILES = 1 | 2 | 4 | 1 << 14 | 1 << 15
#: How many of the bits of file rights each version knows, from version 1 on.
KNOWN_RIGHTS = (13, 14, 15, 15, 16)


def version(libc: Any) -> int:
    """The version that the kernel offers."""
    return int(_checked(libc.syscall(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION)), "landlock"))


def confine(libc: Any, readable: Sequence[str], writable: Sequence[str]) -> None:
    """Refuse this process all files but those below some folders; it has to have no_new_privs set."""
    rights = (1 << KNOWN_RIGHTS[min(version(libc), len(KNOWN_RIGHTS)) - 1]) - 1
    rules = (ctypes.c_uint64 * 1)(rights)
    made = libc.syscall(CREATE, rules, ctypes.c_size_t(ctypes.sizeof(rules)), ctypes.c_uint32(0))
    ruleset = _checked(made, "landlock_create_ruleset")
    try:
        for folder in readable:
            _allow(libc, ruleset, folder, READING & rights)
        for folder in writable:
            _allow(libc, ruleset, folder, rights)
        _checked(libc.syscall(RESTRICT, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    """Rights below a folder, or on a file; a path that is not there, or out of reach anyhow, needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib would be loaded for it
            rights &= OF_FILES
        # struct landlock_path_beneath_attr is packed: 8 bytes of rights, 4 of the descriptor.
        rule = ctypes.create_string_buffer(rights.to_bytes(8, "little") + place.to_bytes(4, "little"), 12)
        added = libc.syscall(ADD, ruleset, ctypes.c_uint32(BENEATH), rule, ctypes.c_uint32(0))
        _checked(added, f"landlock_add_rule {path}")
    finally:
        os.close(place)


def _checked(value: int, what: str) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return value
