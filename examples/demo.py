"""The main job in one file: a schema, a question, a model, and a text that satisfies the schema.

Run by `make demo`. Prints the schema, the text and the seconds; the exit status is 0 only if jsonschema, which knows
nothing of treadle, finds the text valid.
"""

from __future__ import annotations

import json
import sys
import time

import jsonschema

import treadle
from treadle import library

PROMPT = """Ada Lovelace, 36 years old, wrote the first program for the Analytical Engine.
She loves mathematics, music and horses. Her address is ada@example.org.

Describe the person in this text as JSON."""


def main() -> int:
    schema = json.loads(library.find("schemas", "person").read_text("utf-8"))
    print(f"Schema:\n{json.dumps(schema, indent=2)}\n\nPrompt:\n{PROMPT}\n")
    print("The first run converts the model and compiles kernels, which takes some minutes.")
    print("Loading the bundled model ...", flush=True)
    started = time.perf_counter()
    treadle.generate("Hello", choices=["Hello"])
    loaded = time.perf_counter()
    print("Writing ...", flush=True)
    text = treadle.generate(PROMPT, schema=schema, max_tokens=120)
    finished = time.perf_counter()
    print(f"\nText:\n{text}\n")
    print(f"Seconds: {loaded - started:.1f} to load, {finished - loaded:.1f} to write")
    return judge(schema, text)


def judge(schema: object, text: str) -> int:
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    errors = [error.message for error in validator.iter_errors(json.loads(text))]
    print("jsonschema: " + ("; ".join(errors) or "valid"))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
