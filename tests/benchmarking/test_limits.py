"""What goes wrong is booked to the engine and the schema that did it, and the run goes on."""

from __future__ import annotations

import pytest

CASES = {
    # what the schema does: (status, more of the record)
    "nothing": ("passed", {}),
    "refuse": ("refused", {"why": "ValueError: not for me"}),
    "hang": ("timeout", {"phase": "compile"}),
    "crash": ("crash", {"phase": "compile", "exit": -11}),
    "killed": ("crash", {"phase": "compile", "exit": -9}),
    "eat": ("crash", {"why": "MemoryError"}),
    "exhaust": ("crash", {"phase": "compile"}),
    "chatter": ("passed", {}),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, byte_tokenizer):
    from benchmarking.drivers import Bench

    bench = Bench(tmp_path_factory.mktemp("limits"), byte_tokenizer)
    schemas = {action: {"x-do": action} for action in CASES}
    schemas["killed_once"] = {"x-do": f"killed_once {bench.folder / 'marker'}"}
    bench.collection({**schemas, "last": {}}, [{"a": 1}])
    status, out, err = bench.run(
        *("--timeout", "1", "--memory", "0.5"),
        engines="faulty:Faulty,null,faulty:Broken,nowhere:Missing",
    )
    assert status == 0, err
    return bench, out, err


@pytest.mark.parametrize("action", CASES)
def test_booked(finished, action):
    status, more = CASES[action]
    [record] = [
        row for row in finished[0].records() if row["engine"] == "faulty:Faulty" and row["id"] == action
    ]
    assert record["status"] == status
    assert {name: record.get(name) for name in more} == more


def test_a_worker_killed_from_outside_is_asked_once_more(finished):
    bench, _, _ = finished
    assert (bench.folder / "marker").exists()
    assert bench.statuses()["killed_once"] == "passed"


def test_others_and_later_schemas_are_not_touched(finished):
    bench, _, _ = finished
    assert bench.statuses()["last"] == "passed"
    assert set(bench.statuses("null").values()) == {"passed"}
    assert len(bench.statuses("null")) == len(CASES) + 2


def test_what_is_missing_is_said(finished):
    _, out, err = finished
    assert "faulty:Broken does not load: RuntimeError: no licence" in err
    assert "nowhere:Missing is left out: No module named 'nowhere'" in err
    assert "crashed" in out
