"""The sandbox against programs that mean harm: each is cut off and scores 0, by the walls alone and by the fence alone.

After every test nothing is left: no process, no file in the temporary folder, no open file of ours.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.execution import sandbox as sandbox_module
from treadle.execution.sandbox import Limits, Sandbox

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="programs run on Linux only")

QUICK = Limits(seconds=1.5, cpu_seconds=1)
TESTS = ["assert f(1) == 2"]
GOOD = "def f(x):\n    return x + 1\n"


def can_isolate() -> bool:
    try:
        Sandbox().run("")
    except UnsupportedFeature:
        return False
    return True


def sandbox(kind: str) -> Sandbox:
    if kind == "process":
        return Sandbox(QUICK, isolation="process")
    if not can_isolate():
        pytest.skip("the kernel allows no user namespaces here")
    # "walls": nothing but the kernel stands in the way.
    return Sandbox(QUICK, imports=None, fence=False) if kind == "walls" else Sandbox(QUICK)


def jails() -> set[int]:
    """Processes of sandboxes, wherever they were left."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            # A zombie has no command line.
            if b"jail.py" in command or (state == "Z" and int(parent) == os.getpid()):
                found.add(int(folder.name))
    return found


def remains() -> tuple[set[int], set[str], int]:
    """(jails, our temporary folders, open files of this process)"""
    folders = {str(path) for path in Path(tempfile.gettempdir()).glob("treadle-*")}
    return jails(), folders, len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def _nothing_left(monkeypatch):
    # A temporary folder of our own, since others may be running sandboxes too.
    folder = tempfile.mkdtemp(prefix="sandboxes-")
    Path(folder).chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", folder)
    before = remains()
    yield
    # A killed process goes in its own time.
    deadline = time.monotonic() + 5
    while (after := remains()) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    Path(folder).rmdir()
    assert not after[0] - before[0] and not after[1] - before[1] and after[2] <= before[2]


pytestmark = [pytestmark, pytest.mark.usefixtures("_nothing_left")]

#: What is tried, behind a right answer: the score must be 0 all the same, or the harm must not have happened.
ATTACKS = {
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
    "fork bomb that hides": (
        "import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass\n"
    ),
    "thread bomb": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()\n",
    "endless loop": "while True: pass\n",
    "endless sleep": "import time\ntime.sleep(1e6)\n",
    "endless loop that catches": "while True:\n  try:\n    while True: pass\n  except BaseException: pass\n",
    "ten gigabytes": "x = bytearray(10 << 30)\n",
    "ten gigabytes by doubling": "x = [0]\nwhile True: x += x\n",
    "a big number": "x = 9 ** 9 ** 9\n",
    "a flood of output": "while True: print('x' * 10000)\n",
    "a big file": "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))\n",
    "many files": "k = 0\nwhile True:\n  open(str(k), 'w').close(); k += 1\n",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef g(n): return [g(n + 1)]\ng(0)\n",
    "a crash": "import ctypes\nctypes.string_at(0)\n",
    "leaving early": "import sys\nsys.exit(0)\n",
    "leaving at once": "import os\nos._exit(0)\n",
}


@pytest.mark.parametrize(
    "kind",
    [
        "walls",
        pytest.param("fenced", marks=pytest.mark.slow),
        pytest.param("process", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_cut_off_and_scores_nothing(attack, kind):
    verdict = sandbox(kind).run(GOOD + ATTACKS[attack], TESTS)
    assert verdict.score == 0.0 and verdict.outcome != "passed"


#: Harm outside: {place} is a file that must stay as it is, {port} a socket that must hear nothing, {pid} is us.
HARM = {
    "write a file": "open('{place}', 'w').write('x')",
    "write a file beside it": "open('{place}.more', 'w').write('x')",
    "remove a file": "import os\nos.remove('{place}')",
    "remove a folder": "import shutil, os\nshutil.rmtree(os.path.dirname('{place}'))",
    "connect": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "bind and connect": "import _socket\ns = _socket.socket()\ns.connect(('127.0.0.1', {port}))",
    "kill everyone": "import os\nos.kill(-1, 9)",
    "kill the caller": "import os\nos.kill({pid}, 9)",
    "kill the parent": "import os\nos.kill(os.getppid(), 9)",
    "run a command": "import subprocess\nsubprocess.run(['touch', '{place}.more'], check=True)",
    "remount": (
        "import ctypes\nc = ctypes.CDLL(None)\nprint(c.mount(None, b'/', None, 32 | 4096, None))\n"
        "print(c.unshare(0x10000000 | 0x20000))\nprint(c.mount(None, b'/', None, 32 | 4096, None))\n"
        "open('{place}', 'w').write('x')"
    ),
    "keep a daemon": (
        "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n"
        "    import time, ctypes\n    ctypes.CDLL(None).prctl(1, 0)\n    time.sleep(60)\n    os._exit(0)\n  os._exit(0)"
    ),
}


@pytest.mark.parametrize("kind", ["walls", "fenced"])
@pytest.mark.parametrize("harm", HARM)
def test_harm_outside_of_the_program_does_not_happen(harm, kind):
    box = sandbox(kind)
    # Open to all, so that only the sandbox stands in the way. Not in a hidden folder, where it would not even be seen.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder, socket.socket() as server:
        Path(folder).chmod(0o777)
        place = Path(folder) / "place"
        place.write_text("as it was")
        place.chmod(0o666)
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.05)
        source = HARM[harm].format(place=place, port=server.getsockname()[1], pid=os.getpid())
        verdict = box.run(f"{GOOD}\n{source}", TESTS)
        assert place.read_text() == "as it was" and list(Path(folder).iterdir()) == [place]
        with pytest.raises(TimeoutError):
            server.accept()
        # Where only the kernel watches, a daemon is no failure of who leaves it, and a signal to init is ignored.
        assert verdict.score == 0.0 or (kind == "walls" and harm in ("keep a daemon", "kill the parent"))


def test_what_is_left_over_is_ended_without_namespaces_too():
    source = HARM["keep a daemon"]
    Sandbox(QUICK, isolation="process", imports=None, fence=False).run(source)


PATIENT = Limits(seconds=20, cpu_seconds=10)
SECRETS = ("/etc/passwd", "/etc/hostname", "/proc/1/cmdline", "/var/log/dpkg.log")


@pytest.mark.usefixtures("_nothing_left")
def test_files_that_are_not_the_programs_own_cannot_be_read():
    walls = replace(sandbox("walls"), limits=PATIENT)
    verdict = walls.run(
        "open('own', 'w').write('x')\nassert open('own').read() == 'x'\nopen('/dev/null').read()"
    )
    if verdict.unconfined:
        pytest.skip(f"no Landlock: {verdict.unconfined}")
    assert verdict.outcome == "passed"
    for path in SECRETS:
        verdict = walls.run(f"open({path!r}).read()")
        assert verdict.score == 0 and verdict.trouble.startswith(("PermissionError", "FileNotFoundError")), (
            path
        )
    assert "PermissionError" in walls.run("import os\nos.listdir('/')").trouble


def test_without_landlock_the_verdict_says_why(monkeypatch):
    sandbox("walls")
    refusing = "def confine(*_):\n    raise OSError(95, 'landlock: not supported')\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jail.py").write_text(sandbox_module._JAIL.read_text())
        (Path(folder) / "landlock.py").write_text(refusing)
        monkeypatch.setattr(sandbox_module, "_JAIL", Path(folder) / "jail.py")
        verdict = Sandbox(PATIENT, imports=None, fence=False).run("open('/etc/passwd').read()")
    assert verdict.outcome == "passed" and "landlock: not supported" in verdict.unconfined


@pytest.mark.usefixtures("_nothing_left")
def test_memory_is_bounded_for_all_processes_together():
    walls = replace(sandbox("walls"), limits=Limits(seconds=20, cpu_seconds=10, memory=256 << 20))
    program = (
        "import os, time\nfor _ in range(4):\n    if not os.fork():\n"
        "        held = bytearray(b'x') * (90 << 20)\n        break\ntime.sleep(15)"
    )
    verdict = walls.run(program)
    assert (verdict.outcome, verdict.score) == ("memory", 0.0) and "together" in verdict.trouble


def test_the_walls_would_be_missed():
    """The control: what is not walled in does happen, so the tests above can fail."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        place = Path(folder) / "place"
        Path(folder).chmod(0o777)
        place.write_text("as it was")
        place.chmod(0o666)
        Sandbox(QUICK, isolation="process", imports=None, fence=False).run(f"open({str(place)!r}, 'w')")
        assert place.read_text() == ""


def test_a_forged_verdict_is_not_believed():
    source = 'import os\nfor k in range(3, 64):\n  try: os.write(k, b\'{"passed": [true], "trouble": ""}\')\n'
    source += "  except OSError: pass\nos._exit(0)"
    verdict = sandbox("walls").run(source, TESTS)
    assert verdict.score == 0.0


def test_programs_are_tested_one_test_after_the_other():
    box = Sandbox(QUICK) if can_isolate() else Sandbox(QUICK, isolation="process")
    verdict = box.run(GOOD + "print('hello')", ["assert f(1) == 2", "assert f(1) == 3", "1 / 0", "g = f(2)"])
    assert (verdict.passed, verdict.score, verdict.output) == ((True, False, False, True), 0.5, "hello\n")
    assert verdict.outcome == "failed" and verdict.trouble.startswith("AssertionError")
    assert box.run("def f(:", TESTS).trouble.startswith("SyntaxError")
    assert box.run(GOOD).score == 1.0
    assert box.run("raise SystemExit").score == 0.0
    assert box.run("import math, random, datetime\nassert math.pi > 3").score == 1.0
    assert box.run("import os").score == 0.0 and "os" in box.run("import os").trouble
    assert box.run("open('notes', 'w').write('x')\nassert open('notes').read() == 'x'").score == 1.0
    assert box.run("import datetime\ndatetime.datetime.strptime('2026', '%Y')").score == 1.0


def test_two_hundred_programs_leave_nothing_behind():
    rng, box = random.Random(0), Sandbox(Limits(seconds=1.0, cpu_seconds=1))
    if not can_isolate():
        box = Sandbox(box.limits, isolation="process")
    harmless = [key for key in ATTACKS if not key.startswith(("endless", "fork", "a flood", "a big number"))]
    passed = 0
    for _ in range(200):
        a, b, kind = rng.randrange(100), rng.randrange(100), rng.randrange(10)
        if kind == 0:
            source = ATTACKS[rng.choice(harmless)]
        else:
            source = f"def f(x):\n    open('a{a}', 'w').write('x' * {b})\n    return x * {a} + {b if kind > 2 else 0}\n"
        score = box.run(source, [f"assert f(3) == {3 * a + b}"]).score
        assert score == float(kind > 2 or (kind > 0 and b == 0))
        passed += score > 0
    assert passed > 100


def test_a_caller_that_dies_takes_the_program_with_it():
    if not can_isolate():
        pytest.skip("the kernel allows no user namespaces here")
    code = (
        "from treadle.execution.sandbox import *\n"
        "Sandbox(Limits(seconds=50.0), imports=None, fence=False).run('import time; print(1); time.sleep(50)')"
    )
    environment = {**os.environ, "TMPDIR": tempfile.gettempdir()}
    caller = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        deadline = time.monotonic() + 20
        while not jails() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        caller.kill()
        caller.wait()
        # The folder is what a caller cannot clear away any more; it is empty.
        for folder in Path(tempfile.gettempdir()).glob("treadle-*"):
            folder.rmdir()


def test_an_interrupted_caller_ends_the_program(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    boxes = [replace(sandbox(kind), limits=Limits(seconds=60.0)) for kind in ("walls", "process")]
    monkeypatch.setattr(sandbox_module._Jailed, "_take", interrupt)
    source = "import time\nprint(1, flush=True)\ntime.sleep(50)"
    for box in boxes:
        with pytest.raises(KeyboardInterrupt):
            box.run(source)


def test_wrong_settings_are_refused():
    with pytest.raises(InvalidConstraint):
        Limits(seconds=0)
    with pytest.raises(InvalidConstraint):
        Sandbox(isolation="none")
