"""Vocabularies made to break things: few tokens, each of them a trap.

Every one has all single bytes unless it says otherwise, so that whatever is allowed can be completed by tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from treadle.vocabulary import Vocabulary

BYTES: list[bytes] = [bytes([byte]) for byte in range(256)]

#: Tokens across every border that an automaton has: characters, quotes, members, escapes, numbers, words.
TRAPS: tuple[bytes, ...] = (
    # across quotes, braces, commas; a whole member; a repeated key
    b'","', b'"}', b'"a":"b', b'"a":1,"a"', b'"a":1,"a":2', b'{"a":1,"b":2}', b'":', b'": "', b', "',
    b'",\n  "', b'"]',
    b'"},{"', b"]]", b"[[", b"[]", b"{}", b'{"', b'":"', b'":1,"', b'"b":1,"b', b'","b":"', b'b":1,"b":', b'x":1,"x"',
    b'\xc3\xa9":1,"\xc3\xa9', b'":{"', b'":[', b"}}", b"],", b" ", b"  ", b"\n", b"\n ", b"\n\n", b"\t",
    b"\r\n", b": ",
    b'\\u0061":1,"a"', b'a":1,"\\u0061"',
    # inside characters: é, 日本, an emoji, a private use character, U+07FF, U+0800, U+FFFF, U+10000, U+10FFFF
    b"\xc3", b"a\xc3", b"\xa9", b"\xa9b", b"\xc3\xa9", b"\xe6\x97", b"\xa5\xe6", b"\x97\xa5", b"\x9c\xac",
    "日".encode(),
    "日本".encode(), b"\xf0\x9f", b"\x98\x80", b'\x98\x80"', "😀".encode(), b"\x9f\x98", b"\xee\x80", b"\xdf\xbf",
    b"\xe0\xa0\x80", b"\xef\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xe2\x80\xa8", b"\xc2\x85",
    # bytes that are no UTF-8: overlong, surrogates, too large
    b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f", b"\xed\xa0\x80", b"\xed\xbf", b"\xf0\x8f",
    b"\xf4\x90", b"\xff\xfe",
    # escapes, whole and cut
    b"\\u", b"\\u0", b"\\u00", b"\\u00e", b"\\u00e9", b"\\u00E9", b"u00e9", b"00", b'e9"', b"\\ud83d",
    b"\\uD83D\\uDE00",
    b"\\ude00", b"\\ud83d\\ude00", b"\\ud83d\\u", b'\\ude00"', b"3d\\ude", b"\\ud8", b"\\udc", b"\\uD", b"\\n",
    b'\\"',
    b"\\\\", b"\\/", b'\\"}', b"\\b", b'\\\\"', b"\\x", b"\\u001f", b"\\u0022", b"\\u007f", b"\\u005c", b'n"', b'"\\',
    # numbers and words
    b"1.", b"12", b"e5", b"E+", b"-0", b"-", b"00", b"0.", b".5", b"1e", b"123456", b"true", b"rue", b"tr",
    b"fal", b"null",
    b"nul", b"l}", b"1]", b"1}", b"1,", b"1,2", b"abc", b"ab", b"aa", b"aaaa", b"bc", b"ca", b"a" * 30, b"xy", b"a b",
)  # fmt: skip


def vocabulary(tokens: Sequence[bytes | None]) -> Vocabulary:
    """Special tokens in front (two that end a text), the tokens, then a hole, an empty token and duplicates."""
    special = [b"<pad>", b"</s>", b"<end>"]
    tail = [None, b"", *tokens[:3], b"a", b'"', None]
    return Vocabulary([*special, *tokens, *tail], eos_ids=(1, 2), special_ids=(0,))


def single_bytes() -> Vocabulary:
    return vocabulary(BYTES)


def traps() -> Vocabulary:
    return vocabulary([*BYTES, *TRAPS])


def traps_without(missing: bytes) -> Vocabulary:
    """Lacks some single bytes, as SmolLM2 lacks 21, of which four begin characters."""
    return vocabulary([*(token for token in BYTES if token not in {bytes([b]) for b in missing}), *TRAPS])


def cut_from(texts: Sequence[bytes], rng: random.Random, count: int = 150) -> Vocabulary:
    """All bytes, and pieces of texts: tokens that go far in a language, some with one byte changed."""
    pieces: set[bytes] = set()
    for _ in range(count):
        text = rng.choice(texts)
        if not text:
            continue
        first = rng.randrange(len(text))
        piece = text[first : first + rng.randint(1, 12)]
        if rng.random() < 0.2:
            spot = rng.randrange(len(piece))
            piece = piece[:spot] + bytes([rng.choice(b'ab"\\,:{}[]01 \xc3\xa9u')]) + piece[spot + 1 :]
        pieces.add(piece)
    return vocabulary([*BYTES, *sorted(pieces)])
