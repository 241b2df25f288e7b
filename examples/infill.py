"""A small masked-diffusion model fills canvases under constraints: records from facts, a function from words.

Run by `make demo-infill`. Prints each canvas as it fills up, and writes all of them as one page that plays, to
infill.html or the file given. The model ships with treadle and knows no tasks but these (bench/train_masked.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import treadle
from treadle.diffusion.animation import Film
from treadle.diffusion.decoding import decode
from treadle.diffusion.samplers import Llada
from treadle.infilling.limits import Limits
from treadle.integrations.bundled_masked import text_model

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "city": {"type": "string", "minLength": 1, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "level": {"enum": ["low", "medium", "high"]},
    },
    "required": ["name", "city", "age", "level"],
    "additionalProperties": False,
}
FUNCTIONS = (Path(__file__).parent / "functions.lark").read_text("utf-8")
#: A prompt, what stands already (None: nothing), and a constraint.
SHOWN = (
    ("record name, city, age, level: high level, from Oslo, Ada, age 36\n", None, treadle.JsonSchema(PERSON)),
    ("record name, city, age, level: low level, from Lima, Hugo, age 52\n", ', "age": ', treadle.JsonSchema(PERSON)),
    ("function area of w and h: the product of w and h\n", None, treadle.Grammar(FUNCTIONS)),
)  # fmt: skip
CELLS = 26


def main(file: str) -> None:
    print("Loading (the first run compiles kernels: some minutes) ...\n", flush=True)
    model = text_model()
    vocabulary = model.vocabulary
    frames = []
    for prompt, stands, constraint in SHOWN:
        cells = [model.mask_id] * CELLS
        if stands is not None:
            cells[9 : 9 + len(vocabulary.encode(stands))] = vocabulary.encode(stands)
        # Counting asks for the mask of every hole in every frame, which takes long where brackets nest.
        film = Film(vocabulary=vocabulary, counts=isinstance(constraint, treadle.JsonSchema))
        automaton = treadle.compile(constraint, vocabulary).automaton
        done = decode(
            model, vocabulary.encode(prompt), cells, Llada(steps=CELLS), automaton,
            watch=film.watch, undecided="defer", limits=Limits(20_000, 20_000),
        )  # fmt: skip
        print(prompt, end="")
        for line in film.terminal()[::4]:
            print(f"  {line}")
        print(f"{done.text}\n  ({done.forwards} passes, {done.refused} tokens refused)\n")
        frames += [[(prompt, "given", None), *frame] for frame in film.frames]
        if isinstance(constraint, treadle.JsonSchema):
            json.loads(done.text)
    Path(file).write_text(Film("A canvas filling up", frames=frames).html(), "utf-8")
    print(f"The same as a page that plays: {file}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "infill.html")
