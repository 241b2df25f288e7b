"""What is known of a grammar's lexer on disk: a second process goes on from it, and masks stay what the bytes say."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import treadle
from treadle import library, parse_tables
from treadle.automata import parse_layout as at
from treadle.automata import scanner_store
from treadle.automata.scanner import START, Scanner
from treadle.frontends.regex.preferred import read_preferred
from treadle.masks import bitset
from treadle.matching import grammar_store, readings
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.vocabulary import Vocabulary

GRAMMAR = r"""
    start: stmt*
    stmt: NAME "=" e ";" | "return" e ";" | "if" e "{" stmt* "}"
    e: e "+" t | t
    t: NUM | NAME | "(" e ")" | STRING
    NAME: /[a-z_]\w*/
    NUM: /\d+(\.\d+)?(?!x)/
    STRING: /"(?!"").*?(?<!\\)(\\\\)*?"/
    %ignore /\s+/
"""
TEXTS = ['x = 1; return "a\\"é" + 2.5;', 'if returnx { y = (1 + 2) ; }  z="é" ;', "a=1;"]


def vocabulary(texts: list[str], seed: int = 5) -> Vocabulary:
    rng = random.Random(seed)
    tokens = {bytes([byte]) for byte in range(256)}
    for _ in range(300):
        data = rng.choice(texts).encode()
        first = rng.randrange(len(data))
        tokens.add(data[first : first + rng.choice([2, 3, 4, 6])])
    return Vocabulary([b"</s>", *sorted(tokens)], eos_ids=(0,), special_ids=())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path))
    monkeypatch.setattr(readings, "WORTH_STORING", 0)
    grammar_store._GROWING.clear()
    yield tmp_path
    grammar_store._GROWING.clear()


def another_process(grammar: str, words: Vocabulary) -> GrammarTokenAutomaton:
    """A grammar compiled as if nothing was known but what is on disk."""
    parse_tables._RECENT.clear()
    automaton = treadle.compile(treadle.Grammar(grammar), words).automaton
    assert isinstance(automaton, GrammarTokenAutomaton)
    return automaton


def is_recalled(tokens: GrammarTokenAutomaton) -> bool:
    return isinstance(tokens.bytes.tables.scanner, scanner_store.KeptScanner)


def differing(tokens: GrammarTokenAutomaton, text: str) -> list[bytes]:
    """Beginnings of a text whose mask is not what the bytes say."""
    words, found, data = tokens.vocabulary, [], text.encode()
    for end in range(len(data) + 1):
        state = tokens.bytes.run(tokens.start, data[:end])
        if state == at.DEAD:
            break
        expected = [0] if tokens.bytes.is_accepting(state) else []
        expected += [
            t for t in range(1, len(words)) if tokens.bytes.run(state, words.tokens[t] or b"") != at.DEAD
        ]
        if bitset.to_tokens(tokens.mask(state)).tolist() != expected:
            found.append(data[:end])
    return found


@pytest.mark.parametrize("name", ["", "sql", "python"])
def test_a_second_process_goes_on_from_what_the_first_one_knew(name: str, folder: Path) -> None:
    texts = TEXTS
    if name:
        path = library.find("grammars", name).with_suffix(".cases.json")
        texts = [text for text in json.loads(path.read_text("utf-8"))["accept"] if text][:40]
    words = vocabulary(texts)
    first = another_process(name or GRAMMAR, words)
    assert not is_recalled(first)
    assert differing(first, texts[0][:30]) == []
    # As at the end of the process: with what was asked meanwhile.
    grammar_store._remember_all()
    known = first._readings
    assert known is not None
    second = another_process(name or GRAMMAR, words)
    assert is_recalled(second)
    assert second._readings is not known
    assert second._readings is not None
    assert second._readings._starts == known._starts
    # Known places and new ones, for which the scanner has to be unpacked and gone on with.
    for text in texts[:3]:
        assert differing(second, text[:40]) == [], text
    grammar_store._remember_all()
    third = another_process(name or GRAMMAR, words)
    assert is_recalled(third)
    assert third.bytes.tables.scanner.states == second.bytes.tables.scanner.states
    assert differing(third, texts[-1][:30]) == []


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other"])
@pytest.mark.parametrize("kind", ["lexers", "profiles"])
def test_damaged_entries_are_made_again(kind: str, damage: str, folder: Path) -> None:
    words = vocabulary(TEXTS)
    another_process(GRAMMAR, words)
    (path,) = (folder / kind).iterdir()
    data = path.read_bytes()
    middle = len(data) * 2 // 3
    path.write_bytes(
        {
            "cut": data[:middle],
            "bit": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "empty": b"",
            "other": b"something else",
        }[damage]
    )
    again = another_process(GRAMMAR, words)
    assert is_recalled(again) == (kind != "lexers")
    assert differing(again, TEXTS[0]) == []
    assert is_recalled(another_process(GRAMMAR, words))


def test_profiles_are_not_taken_for_another_numbering(folder: Path) -> None:
    """Two processes that asked their scanners different things wrote one file each."""
    words = vocabulary(TEXTS)
    another_process(GRAMMAR, words)
    (path,) = (folder / "profiles").iterdir()
    foreign = path.read_bytes()
    for kind in ("lexers", "profiles"):
        for each in (folder / kind).iterdir():
            each.unlink()
    other = another_process(GRAMMAR, vocabulary(TEXTS, seed=6))
    assert other.bytes.tables.scanner.states > 3
    path.write_bytes(foreign)
    tokens = another_process(GRAMMAR, words)
    assert is_recalled(tokens)
    assert grammar_store.recall_profiles(other.bytes.tables, words.fingerprint) is None
    assert differing(tokens, TEXTS[0]) == []


def test_a_folder_that_cannot_be_written_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_CACHE", "/proc/none")
    words = vocabulary(TEXTS)
    for _ in range(2):
        tokens = another_process(GRAMMAR, words)
        assert not is_recalled(tokens)
    assert differing(tokens, TEXTS[2]) == []


def test_so_many_entries_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar_store, "ENTRIES", 3)
    words = vocabulary(TEXTS)
    for number in range(5):
        another_process(f'start: "a{number}"+\n', words)
    assert len(list((folder / "lexers").iterdir())) == len(list((folder / "profiles").iterdir())) == 3


def test_grammars_that_differ_have_names_that_differ() -> None:
    def key(text: str, usable: frozenset[int] = frozenset(range(256))) -> str | None:
        return grammar_store.key_of(treadle.Grammar(text).cfg(), usable)

    names = [
        key('start: A+\nA: "a"\n'), key('start: A+\nA: "b"\n'), key('start: A*\nA: "a"\n'),
        key('start: A+\nA: "a"\n%ignore " "\n'), key('start: A+\nA: "a"\n', frozenset(range(128))),
        key('start: A B+\nA: "a"\nB: /a+/\n'), key('start: A B+\nA: "a"\nB.2: /a+/\n'),
    ]  # fmt: skip
    assert None not in names
    assert len(set(names)) == len(names)
    assert names[0] == key('start: A+\nA: "a"\n')
    assert key('// lexing: scannerless\nstart: "a"\n') is None


def test_a_kept_scanner_reads_as_the_one_that_it_was() -> None:
    """Stored at any point, a scanner goes on to flag what a new one flags."""
    patterns = [
        r"[a-zé]\w*",
        r"\d+(?:\.\d+)?(?!x)",
        r"if\b",
        r'"(?!"").*?(?<!\\)(\\\\)*?"',
        r"\s+",
        "[一-龥]{2,3}",
    ]
    programs = [read_preferred(pattern) for pattern in patterns]
    rng = random.Random(2)
    pieces = [*'aéi"f1.x\\ 一好🙂', "if ", "\\\\", '"']
    for stored_after in (0, 1, 5, 40):
        plain = Scanner(programs)
        for _ in range(stored_after):
            walk(plain, text_of(rng, pieces))
        arrays = scanner_store.dump(plain)
        assert arrays is not None
        kept: Scanner = scanner_store.KeptScanner(arrays, programs.__getitem__)
        for number in range(80):
            if number == 40:
                # Once more, half awake.
                arrays = scanner_store.dump(kept)
                assert arrays is not None
                kept = scanner_store.KeptScanner(arrays, programs.__getitem__)
            data = text_of(rng, pieces)
            assert walk(kept, data) == walk(Scanner(programs), data), data


def text_of(rng: random.Random, pieces: list[str]) -> bytes:
    return "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 9))).encode()


def walk(scanner: Scanner, data: bytes) -> list[tuple[int, int, int]]:
    """What is flagged, live and conditional behind each byte."""
    state, found = START, []
    for byte in data:
        state = scanner.next(state, byte)
        found.append((scanner.flags[state], scanner.live[state], scanner.conditional(state)))
    return found
