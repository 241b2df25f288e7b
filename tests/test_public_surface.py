"""The public names, and what `import treadle` leaves alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

import treadle
from treadle import errors

#: Removing or renaming one breaks users; adding one is a promise. Either is a line in the changelog.
NAMES = {
    "generate", "stream", "infill", "compile", "check",
    "Constraint", "JsonSchema", "Regex", "Choice", "PythonType", "Union", "Grammar", "Guard",
    "Sequence", "Optional", "Repeat", "FreeText", "Tag", "Tags", "StructuralTag",
    "Vocabulary", "Compiled", "Matcher", "Verdict", "LogitsProcessor",
    "Greedy", "Sampling", "BestOf", "Beam", "DiverseBeam", "PhraseBeam", "Normalisation",
    "AStar", "ChunkedAStar", "StochasticBeam", "LatticeSearch", "Lookahead", "MBR", "Superposed",
    "Check", "Scorer", "draw",
    "AWRS", "SMC", "ASAp", "CARS", "Predicate",
    "MCTS", "PhiDecoding", "tune", "Task", "Example", "Component", "Space", "Budget", "Configuration",
    "TreadleError", "ConstraintError", "InvalidConstraint", "UnsupportedFeature", "UnsatisfiableConstraint",
    "VocabularyMismatch", "LimitExceeded", "TokenRejected",
}  # fmt: skip

#: Slow to load, or brought by an extra. numba is a dependency, but only compiling needs it.
HEAVY = (
    "torch", "transformers", "tokenizers", "numba", "jsonschema", "pydantic", "typer", "rich", "optuna", "matplotlib",
)  # fmt: skip


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


def test_public_names_are_these():
    assert set(treadle.__all__) == NAMES
    assert len(treadle.__all__) == len(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES - {"LogitsProcessor"}))
def test_every_public_name_exists_and_is_listed(name):
    assert getattr(treadle, name) is not None
    assert name in dir(treadle)


def test_unknown_names_are_refused_as_python_does():
    with pytest.raises(AttributeError, match="generat"):
        treadle.generat  # noqa: B018


def test_errors_form_one_tree():
    for name in NAMES:
        found = getattr(errors, name, None)
        if found is not None:
            assert issubclass(found, errors.TreadleError)
            assert getattr(treadle, name) is found


@pytest.mark.parametrize("first", ["stream", "generate", "check"])
def test_a_function_is_not_hidden_by_a_module_of_its_name(first):
    done = run(
        f"import treadle; treadle.{first}; print([callable(getattr(treadle, n)) for n in ('generate', 'stream')])"
    )
    assert (done.stdout.strip(), done.stderr) == ("[True, True]", "")


def test_import_loads_nothing_heavy():
    loaded = run(f"import sys, treadle; print([name for name in {HEAVY!r} if name in sys.modules])")
    assert (loaded.stdout.strip(), loaded.stderr) == ("[]", "")


def test_compile_and_masks_work_without_torch_and_transformers():
    code = """
import sys
for name in ("torch", "transformers", "tokenizers", "pydantic"):
    sys.modules[name] = None  # what Python does for a module that cannot be imported
import treadle
vocabulary = treadle.Vocabulary([bytes([i]) for i in range(256)] + [None], eos_ids=256)
for constraint in (treadle.JsonSchema({"enum": ["x"]}), treadle.Regex('"x"'), treadle.Choice(['"x"'])):
    matcher = treadle.compile(constraint, vocabulary).matcher()
    assert matcher.accept_tokens(b'"x"') == 3, constraint
    assert matcher.is_accepting and matcher.accept_token(256) and matcher.is_terminated
print("ok")
"""
    done = run(code)
    assert (done.stdout.strip(), done.stderr) == ("ok", "")
