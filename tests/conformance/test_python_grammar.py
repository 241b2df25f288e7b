"""The shipped grammar of Python against `ast.parse`: a table, the standard library, files with a lexeme more or less.

By default a part of the library is read; all of it with

    python -m pytest -m slow tests/conformance/test_python_grammar.py
"""

from __future__ import annotations

import ast
import io
import json
import random
import sys
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import treadle
from treadle import library
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.parse_tables import parse_tables

#: States after which an automaton is let go: every file of the library makes new stacks.
ENOUGH = 300_000
LIBRARY = Path(ast.__file__).parent
needs_311 = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the grammar is that of Python 3.11")


class Reader:
    """Does treadle read a text?"""

    def __init__(self) -> None:
        self.tables = parse_tables(treadle.Grammar("python").cfg(), frozenset(range(256)))
        self.automaton = ParseAutomaton(self.tables)

    def reads(self, text: str) -> bool:
        if self.automaton.state_count > ENOUGH:
            self.automaton = ParseAutomaton(self.tables)
        state = self.automaton.run(self.automaton.start, text.encode())
        return state != at.DEAD and self.automaton.is_accepting(state)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
        return True


def sources() -> list[Path]:
    return sorted(path for path in LIBRARY.rglob("*.py") if "site-packages" not in path.parts)


def text_of(path: Path) -> str | None:
    """A file as text that ends in a newline; None where it is not UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.endswith("\n") else text + "\n"


TABLE = json.loads((library.find("grammars", "python").parent / "python.cases.json").read_text("utf-8"))


@pytest.mark.parametrize("text", TABLE["accept"])
def test_accepts(reader: Reader, text: str) -> None:
    assert reader.reads(text)


@pytest.mark.parametrize("text", TABLE["reject"])
def test_rejects(reader: Reader, text: str) -> None:
    assert not reader.reads(text)


@needs_311
@pytest.mark.parametrize("text", [*TABLE["accept"], *TABLE["reject"]])
def test_the_table_is_right(text: str) -> None:
    # The grammar asks for a newline at the end, which `ast.parse` supplies.
    assert is_python(text) == (text in TABLE["accept"] or not text.endswith("\n"))


@needs_311
@pytest.mark.parametrize("step", [40, pytest.param(1, marks=pytest.mark.slow)])
def test_standard_library(reader: Reader, step: int) -> None:
    different, count = [], 0
    for path in sources()[::step]:
        text = text_of(path)
        if text is not None:
            count += 1
            if reader.reads(text) != is_python(text):
                different.append(str(path.relative_to(LIBRARY)))
    print(f"{count} files, {len(different)} read differently: {different}")
    assert len(different) <= count // 100, different


@needs_311
@pytest.mark.parametrize("count", [150, pytest.param(4000, marks=pytest.mark.slow)])
def test_mutants(reader: Reader, count: int) -> None:
    different = []
    for number, mutant in enumerate(mutants(random.Random(7), count)):
        if reader.reads(mutant) != is_python(mutant):
            different.append((number, mutant))
    print(f"{count} mutants, {len(different)} judged differently: {different}")
    assert len(different) <= count // 100, different


def mutants(rng: random.Random, count: int) -> Iterator[str]:
    """Files of the library with a lexeme deleted or doubled."""
    paths = sources()
    while count:
        text = text_of(rng.choice(paths))
        if text is None or len(text) > 12_000 or not is_python(text):
            continue
        try:
            lexemes = [
                lexeme for lexeme in tokenize.generate_tokens(io.StringIO(text).readline)
                if lexeme.type in {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING, tokenize.NEWLINE}
            ]  # fmt: skip
        except (tokenize.TokenError, SyntaxError):
            continue
        if not lexemes:
            continue
        lexeme = rng.choice(lexemes)
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        first = starts[lexeme.start[0] - 1] + lexeme.start[1]
        last = starts[lexeme.end[0] - 1] + lexeme.end[1]
        if rng.random() < 0.5:
            mutant = text[:first] + text[last:]
        else:
            between = "" if lexeme.type == tokenize.NEWLINE else " "
            mutant = text[:last] + between + text[first:last] + text[last:]
        yield mutant if mutant.endswith("\n") else mutant + "\n"
        count -= 1


@needs_311
@pytest.mark.model
@pytest.mark.parametrize("step", [300, pytest.param(10, marks=pytest.mark.slow)])
def test_token_by_token(step: int) -> None:
    """With the bundled model's tokenizer: what a model that writes the file would take."""
    from treadle.integrations.bundled import bundled_model

    vocabulary = treadle.Vocabulary.from_tokenizer(str(bundled_model()))
    compiled = treadle.compile(treadle.Grammar("python"), vocabulary)
    for path in sources()[::step]:
        text = text_of(path)
        if text is None or not is_python(text) or len(text) > 40_000:
            continue
        tokens = vocabulary.encode_bytes(text.encode())
        if vocabulary.decode_bytes(tokens) != text.encode():
            continue
        matcher = compiled.matcher()
        assert matcher.accept_tokens(tokens) == len(tokens), path
        assert matcher.is_accepting, path
        if compiled.automaton.bytes.state_count > ENOUGH:
            compiled = treadle.compile(treadle.Grammar("python"), vocabulary)
