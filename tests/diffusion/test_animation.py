"""The page of a decode: its frames are the steps, and holes are shaded by how many tokens are allowed."""

from __future__ import annotations

import json
import re

import pytest

import treadle
from treadle.diffusion.animation import Film
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable, random_masked_table
from treadle.diffusion.samplers import Llada
from treadle.vocabulary import Vocabulary


def frames_of(page: str) -> list:
    return json.loads(re.search(r"const frames = (.*), at = ", page).group(1))


def test_a_film_has_a_frame_for_every_step_and_shades_holes():
    vocabulary = Vocabulary([b"<", b">", None, None], eos_ids=2, special_ids=[3])
    automaton = treadle.compile(treadle.Grammar('start: p*\np: "<" p* ">"'), vocabulary).automaton
    model = MaskedTable(vocabulary, 3, random_masked_table(4))
    film = Film("<b>", vocabulary)
    done = decode(model, [], 4, Llada(steps=4), automaton, tail=False, watch=film.watch)
    page = film.html()
    frames = frames_of(page)
    assert [sum(kind == "hole" for _, kind, _ in frame) for frame in frames] == [3, 2, 1, 0]
    assert "".join(text for text, _, _ in frames[-1]) == done.text
    assert all(share in (0.0, 0.5) for frame in frames for _, kind, share in frame if kind == "hole")
    assert [sum(kind == "new" for _, kind, _ in frame) for frame in frames] == [1, 1, 1, 1]
    assert "<title>&lt;b&gt;</title>" in page
    assert "<" not in re.search(r"const frames = (.*), at = ", page).group(1)
    assert not re.search(r"(src|href)=|https?:", page)


def test_gaps_are_shown_as_they_are_written():
    film = Film()
    film.write_gaps(["a", "c"], [(0, b"x", 16), (0, b"y", 1)], 256)
    assert [[text for text, _, _ in frame] for frame in film.frames] == [
        ["a", "", "c"], ["a", "x", "", "c"], ["a", "x", "y", "c"],
    ]  # fmt: skip
    assert [share for frame in film.frames for _, kind, share in frame if kind == "hole"] == [0.5, 0.0]


@pytest.mark.model
def test_the_command_fills_gaps_and_draws_them(tmp_path, capsys):
    from treadle.cli import main

    page = tmp_path / "out.html"
    text = '{"name": "<gap>", "age": <gap>}'
    schema = tmp_path / "s.json"
    schema.write_text(
        '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},'
        ' "required": ["name", "age"], "additionalProperties": false}'
    )
    arguments = ["infill", text, "--schema", str(schema), "--prompt", "Ada, 36: ", "--max-tokens", "6"]
    assert main([*arguments, "--html", str(page)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert list(value) == ["name", "age"] and len(value["name"]) <= 12
    assert len(frames_of(page.read_text())) > 2


def test_the_command_refuses_what_does_not_go_together(capsys):
    from treadle.cli import main

    assert main(["infill", "a<gap>"]) == 2
    assert "give exactly one of" in capsys.readouterr().err
    assert main(["infill", "-", "--schema", "-"]) == 2
    assert "cannot both be standard input" in capsys.readouterr().err


def test_frames_as_lines_of_a_terminal():
    film = Film(
        frames=[
            [
                ("ab", "given", None),
                ("", "hole", 0.0),
                ("", "hole", 1.0),
                ("", "hole", None),
                ("\n", "new", None),
            ]
        ]
    )
    assert film.terminal() == ["ab·█?⏎"]
