"""The inside of the sandbox: a script that walls itself in and then runs a program that nobody trusts.

Not imported by treadle: sandbox.py starts it as `python -I -S jail.py RESULT_FD` and writes one JSON object to its
standard input. Three processes, each with one task:

    keeper   watches the clock, in the caller's own process namespace; ends everything, and waits until it has ended
    init     first process of a process namespace: when it goes, for whatever reason, the kernel ends all others in it
    program  without capabilities, under resource limits, behind the audit hook; writes one verdict to RESULT_FD

What the kernel is asked for (isolation "namespaces"): new user, process, network, mount and IPC namespaces; all mounts
read-only; one small file system in memory as the working folder, gone with the namespace. A root user becomes nobody
first, because the kernel counts root's processes but does not limit them. With isolation "process" there are resource
limits, an own session and the keeper only, which then adopts and ends whatever the program leaves behind.
Files that are neither the interpreter's nor the program's own are kept unreadable by Landlock (landlock.py).

Source: namespaces(7), user_namespaces(7), mount_setattr(2), prctl(2), PEP 578 for the audit hook.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
from typing import Any

#: linux/sched.h, linux/mount.h, linux/prctl.h
NEW_NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000 | 0x08000000 | 0x04000000
MOUNT_SETATTR, AT_RECURSIVE, AT_HERE, READ_ONLY = 442, 0x8000, -100, 1
NO_SUID_NO_DEVICES = 2 | 4
DEATH_SIGNAL, DUMPABLE, BOUNDING_DROP, NO_NEW_PRIVILEGES, SUBREAPER = 1, 4, 24, 38, 36
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 40
NOBODY = 65534
INSIDE = 1000

TOO_MUCH_MEMORY, TIMED_OUT, NO_WALL = 123, 124, 125
#: Seconds between two looks at what all processes hold together.
LOOK = 0.1
#: What a program may read besides the interpreter: shared libraries, time zones; and devices that hold nothing.
READABLE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/ld.so.cache",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WAITED_FOR = (signal.SIGCHLD, signal.SIGTERM)
#: Folders that a program has no business in, hidden where the interpreter does not live below them.
HIDDEN = ("/tmp", "/var/tmp", "/run", "/home", "/root", "/dev/shm", "/mnt", "/media", "/srv")  # noqa: S108

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Read the order, wall in, run, watch."""
    result = int(sys.argv[1])
    order = json.loads(sys.stdin.buffer.read())
    for name in order["preload"]:
        # A program may not be able to read the interpreter's own files any more; what is missing is missing for it too.
        with contextlib.suppress(ImportError):
            sys.path[:] = [*sys.path, *(path for path in order["paths"] if path not in sys.path)]
            __import__(name)
    # Before any wall, because the folder of the interpreter may lie beyond it.
    import traceback  # noqa: F401 - what a failing test is told by

    order["confine"] = function_beside("landlock.py", "confine")

    if order["isolation"] == "namespaces":
        try:
            leave_namespaces()
        except OSError as error:
            os.write(result, json.dumps({"wall": str(error)}).encode())
            os._exit(NO_WALL)
    else:
        prctl(SUBREAPER, 1)
    prctl(DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != order["caller"]:
        os._exit(TIMED_OUT)
    # Opened now: in its own mount namespace the program will have another /proc, which shows the keeper nothing.
    proc = os.open("/proc", os.O_RDONLY)
    alive, held = os.pipe()
    # Waited for by `keep`; SIGTERM is how the caller says that it has heard enough.
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
    child = os.fork()
    if child == 0:
        prctl(DEATH_SIGNAL, signal.SIGKILL)
        os.close(held)
        os.close(proc)
        leave_if_alone(alive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
        start(order, result)
    os.close(alive)
    os.close(result)
    keep(child, order, proc)


def function_beside(file: str, name: str) -> Any:
    """A function of a file in this one's folder, where nothing else should be importable from."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), file)  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as source:  # noqa: PTH123 - pathlib would be loaded for it
        namespace: dict[str, Any] = {"__name__": file}
        exec(compile(source.read(), path, "exec"), namespace)  # noqa: S102 - our own
    return namespace[name]


def leave_if_alone(alive: int) -> None:
    """The keeper may have gone before its death could be a signal; then its end of the pipe is closed."""
    os.set_blocking(alive, False)
    with contextlib.suppress(BlockingIOError):
        os.read(alive, 1)
        os._exit(TIMED_OUT)
    os.close(alive)


def keep(child: int, order: dict[str, Any], proc: int) -> None:
    """Wait for the child, at most as long as it may run, then end whatever is left of it."""
    deadline = time.monotonic() + order["seconds"]
    status, cut = None, TIMED_OUT
    while status is None and (left := deadline - time.monotonic()) > 0:
        told = signal.sigtimedwait(WAITED_FOR, min(left, LOOK))
        if told is not None and told.si_signo == signal.SIGTERM:
            break
        found, code = os.waitpid(child, os.WNOHANG)
        status = code if found else None
        if status is None and held_memory(proc) > order["memory"]:
            cut = TOO_MUCH_MEMORY
            break
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    end_orphans(proc)
    os._exit(cut if status is None else exit_code(status))


def held_memory(proc: int) -> int:
    """Bytes of their own that all processes below this one hold in memory; what a fork shares counts for each."""
    total = 0
    for pid in descendants(proc, os.getpid()):
        with contextlib.suppress(OSError, ValueError):
            _, resident, shared = map(int, read(proc, f"{pid}/statm").split()[:3])
            total += (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    return total


def end_orphans(proc: int) -> None:
    """Kill what has been orphaned to this process, until there is nothing; stopped first, so that none forks on."""
    while True:
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in descendants(proc, os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sign)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def descendants(proc: int, root: int) -> list[int]:
    """Processes below `root`, by an open /proc."""
    parents: dict[int, int] = {}
    for name in os.listdir(proc):
        if name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(name)] = int(read(proc, f"{name}/stat").rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def read(folder: int, name: str) -> str:
    """A small file in an open folder."""
    descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(descriptor, 4096).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def exit_code(status: int) -> int:
    """What a shell would say of a wait status."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


# -- walls -----------------------------------------------------------------------------------------------------------


def checked(value: int, what: str) -> None:
    """Raise what the C library has noted."""
    if value != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, value: int) -> None:
    """Set a property of this process (prctl(2))."""
    checked(libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def leave_namespaces() -> None:
    """New namespaces for all that is started from here, and nobody in them."""
    if os.geteuid() == 0:
        become_nobody()
        # Who changes its user loses the files of /proc/self, and with them the maps below.
        prctl(DUMPABLE, 1)
    user, group = os.geteuid(), os.getegid()
    checked(libc.unshare(NEW_NAMESPACES), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{INSIDE} {user} 1")
    write("/proc/self/gid_map", f"{INSIDE} {group} 1")


def become_nobody() -> None:
    """Root gives up what it is: the kernel would count its processes without limiting them."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def write(path: str, text: str) -> None:
    """One write, as these files want it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def build_walls(order: dict[str, Any]) -> None:
    """Hide folders, make all mounts read-only, put a file system in memory where the program works."""
    work, kept = order["work"], [os.path.realpath(path) for path in (sys.base_prefix, *order["paths"])]
    for folder in HIDDEN:
        real = os.path.realpath(folder)
        if os.path.isdir(real) and not any(path == real or path.startswith(real + "/") for path in kept):  # noqa: PTH112
            mount("tmpfs", real, "size=4k,mode=0755")
    os.makedirs(work, exist_ok=True)  # noqa: PTH103 - pathlib would be loaded for it
    attributes = (ctypes.c_uint64 * 4)(READ_ONLY, 0, 0, 0)
    checked(libc.syscall(MOUNT_SETATTR, AT_HERE, b"/", AT_RECURSIVE, attributes, 32), "mount_setattr")
    mount("tmpfs", work, f"size={order['disk']},nr_inodes=4096,mode=0700")
    with contextlib.suppress(OSError):
        # Refused inside of many containers; then other processes can be seen, but not touched.
        mount("proc", "/proc", "")


def mount(kind: str, target: str, options: str) -> None:
    """Mount without devices and set-user-id files (mount(2))."""
    found = libc.mount(
        kind.encode(), target.encode(), kind.encode(), NO_SUID_NO_DEVICES, options.encode() or None
    )
    checked(found, f"mount {target}")


def drop_capabilities() -> None:
    """Nothing that could take the walls down again."""
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(BOUNDING_DROP, capability, 0, 0, 0)
    prctl(NO_NEW_PRIVILEGES, 1)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    checked(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def set_limits(order: dict[str, Any]) -> None:
    """Hard limits of this process and all that it starts."""
    for name, value in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_CPU", order["cpu"]),
        ("RLIMIT_FSIZE", order["disk"]),
        ("RLIMIT_NOFILE", order["files"]),
        ("RLIMIT_NPROC", order["processes"]),
        ("RLIMIT_AS", order["memory"]),
    ):
        resource.setrlimit(getattr(resource, name), (value, value))


def why_unconfined(order: dict[str, Any]) -> str:
    """Give up all files but the interpreter's and the program's own; why that cannot be, or nothing."""
    own = [os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, os.path.dirname(os.__file__))]  # noqa: PTH120
    try:
        order["confine"](libc, [*own, *order["paths"], *READABLE], [order["work"], *DEVICES])
    except OSError as error:
        return str(error)
    return ""


# -- init and the program ----------------------------------------------------------------------------------------------


def start(order: dict[str, Any], result: int) -> None:
    """In namespaces: be init and start the program; else be the program in a session of its own."""
    if order["isolation"] == "process":
        os.setsid()
        if os.geteuid() == 0:
            os.chown(order["work"], NOBODY, NOBODY)
            become_nobody()
        prctl(NO_NEW_PRIVILEGES, 1)
        run(order, result)
    try:
        build_walls(order)
        os.chdir(order["work"])
    except OSError as error:
        os.write(result, json.dumps({"wall": str(error)}).encode())
        os._exit(NO_WALL)
    child = os.fork()
    if child == 0:
        drop_capabilities()
        run(order, result)
    # Nobody of the same user may attach to init and keep it alive.
    prctl(DUMPABLE, 0)
    os.close(result)
    while True:
        found, status = os.waitpid(-1, 0)
        if found == child:
            os._exit(exit_code(status))


def run(order: dict[str, Any], result: int) -> None:
    """Become the program; does not return."""
    os.chdir(order["work"])
    unconfined = why_unconfined(order) if order["isolation"] == "namespaces" else "isolation='process'"
    set_limits(order)
    sink = os.open(os.devnull, os.O_RDONLY)
    os.dup2(sink, 0)
    os.close(sink)

    def tell(verdict: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os.write(result, json.dumps({**verdict, "unconfined": unconfined, "nonce": order["nonce"]}).encode())
        os._exit(0)

    fence = Fence(order["work"], order["paths"], tell) if order["fence"] else None
    # What the library loads late it asks for in the program's name: preloaded is allowed.
    namespace = namespace_for(None if order["imports"] is None else order["preload"])
    # ctypes is a key to everything, and this script has just used it.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ctypes", "_ctypes", "resource")]:
        del sys.modules[name]
    if fence is not None:
        sys.addaudithook(fence.hook)
    tell(judge(order["program"], order["tests"], namespace))


def judge(program: str, tests: list[str], namespace: dict[str, Any]) -> dict[str, Any]:
    """Run the program, then each test in its namespace."""
    passed: list[bool] = []
    trouble = attempt(program, "<program>", namespace)
    for test in () if trouble else tests:
        failure = attempt(test, "<test>", namespace)
        passed.append(not failure)
        trouble = trouble or failure
    return {"ran": not trouble or bool(passed), "passed": passed, "trouble": trouble}


def attempt(source: str, name: str, namespace: dict[str, Any]) -> str:
    """What went wrong, as one line; empty if nothing did."""
    try:
        exec(compile(source, name, "exec"), namespace)  # noqa: S102 - this is what all the walls are for
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of the program are failures too
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def namespace_for(imports: list[str] | None) -> dict[str, Any]:
    """Globals of a program that may import only some modules; None: all."""
    import builtins

    ours, allowed = dict(vars(builtins)), None if imports is None else frozenset(imports)

    def importing(
        name: str,
        globals: Any = None,  # noqa: A002 - the names are Python's
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if allowed is not None and name.partition(".")[0] not in allowed:
            raise ImportError(f"no module named {name!r} may be imported here")
        return builtins.__import__(name, globals, locals, fromlist, level)

    ours["__import__"] = importing
    return {"__name__": "program", "__builtins__": ours}


class Fence:
    """The audit hook: a second line behind the kernel's, that says what a program tried. Ends it at once."""

    ENDS = (
        "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.killpg",
        "subprocess.Popen", "pty.spawn", "signal.pthread_kill", "resource.setrlimit", "sqlite3.connect",
        "gc.get_objects", "gc.get_referrers", "gc.get_referents",
    )  # fmt: skip
    FAMILIES = ("socket.", "ctypes.", "ftplib.", "smtplib.", "urllib.", "http.", "winreg.")
    CHANGES = (
        "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
        "os.chown", "os.utime", "os.setxattr", "os.removexattr", "os.mkfifo", "os.mknod",
    )  # fmt: skip
    WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def __init__(self, work: str, paths: list[str], tell: Any) -> None:
        self.tell = tell
        self.work = os.path.realpath(work)
        self.readable = (
            self.work, "/dev", *(os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, *paths))
        )  # fmt: skip

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See an event; returns if it is harmless."""
        if event in self.ENDS or event.startswith(self.FAMILIES):
            self.refuse(event, "")
        elif event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and bool(flags & self.WRITING)
            if not isinstance(path, int) and not self.below(path, (self.work,) if writes else self.readable):
                self.refuse("open to write" if writes else "open", path)
        elif event in self.CHANGES:
            for path in arguments:
                if isinstance(path, (str, bytes)) and not self.below(path, (self.work,)):
                    self.refuse(event, path)

    def below(self, path: Any, folders: tuple[str, ...]) -> bool:
        """Whether a path leads into one of the folders."""
        real = os.path.realpath(os.fsdecode(path))
        return any(real == folder or real.startswith(folder + "/") for folder in folders)

    def refuse(self, event: str, what: Any) -> None:
        """Say so and end."""
        self.tell({"refused": f"{event} {os.fsdecode(what)}".strip()})


if __name__ == "__main__":
    main()
