"""Internationalised host names: names of U-labels (RFC 5890 to 5893) and of plain labels.

A label has characters that RFC 5892 calls PVALID, derived here from `unicodedata` by the rules of its section 2, and
those of its appendix A where their contexts allow. It does not begin with a mark, has no hyphen at an end nor "--" in
third place, is in normal form C, and names with right-to-left labels keep the Bidi rule of RFC 5893. The automaton
counts and remembers one fact for each rule; classes of characters with equal facts keep its alphabet at some dozens.

Two conditions are no matter of finite memory and are kept by asking for more:
* the encoded label may have 63 characters: a character beyond ASCII is counted as `_COST`, as many as it can need;
* normal form C: a character that composes with what is before it may not follow any that compose, and marks with a
  combining class do not follow one another.
Labels that begin with "xn--" are left out as in `format_hosts`. U+200C (the zero-width non-joiner) needs a virama
or two joining Arabic letters around it, without marks in between.

So `idn_hostname` holds less than there is, `any_idn_hostname` more, and `label_after` reads one label exactly.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from treadle.frontends.json_schema.format_parts import charset, many, seq
from treadle.grammar.charset import CharSet
from treadle.grammar.expression import Expr, chars, leaf

#: What may stand between labels (RFC 3490, section 3.1).
DOTS = ".\u3002\uff0e\uff61"
_NAME = 253
_LABEL = 63
#: Digits that Punycode needs for a character at most, and what a label needs besides: "xn--", "-", a long first one.
_COST = 5
_OVERHEAD = 7

_PVALID = {0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007}
_DISALLOWED = {0x640, 0x7FA, 0x302E, 0x302F, *range(0x3031, 0x3036), 0x303B}
#: Jamo, default ignorable characters and the blocks of section 2.4 that are letters or marks.
_IGNORED = (
    (0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF), (0x34F, 0x34F), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF), (0x20D0, 0x20FF), (0x1D100, 0x1D24F),
)  # fmt: skip
#: Blocks of letters that all have the same facts. PERF: asking one by one takes a quarter of a second.
_UNIFORM = (
    (0xA000, 0xA48C, "YI"), (0x12000, 0x12399, "CUNEIFORM"), (0x13000, 0x1342E, "EGYPTIAN"),
    (0x14400, 0x14646, "ANATOLIAN"), (0x16800, 0x16A38, "BAMUM"), (0x17000, 0x187F7, "TANGUT"),
    (0x18800, 0x18CD5, "TANGUT"), (0x1B170, 0x1B2FB, "NUSHU"),
    (0x3400, 0x4DBF, "CJK"), (0x4E00, 0x9FFF, "CJK"), (0xAC00, 0xD7A3, "HANGUL"), (0x20000, 0x2A6DF, "CJK"),
    (0x2A700, 0x2B738, "CJK"), (0x2B740, 0x2B81D, "CJK"), (0x2B820, 0x2CEA1, "CJK"), (0x2CEB0, 0x2EBE0, "CJK"),
    (0x30000, 0x3134A, "CJK"),
)  # fmt: skip
#: What is left with letters in it.
_SURVEYED = (
    (0x80, 0x1FFF), (0x200C, 0x200D), (0x2C00, 0x31FF), (0xA48D, 0xABFF), (0xF900, 0xFFFF), (0x10000, 0x11FFF),
    (0x16A39, 0x16FFF),
    (0x1B000, 0x1B16F), (0x1DF00, 0x1E9FF), (0x1FBF0, 0x1FBF9),
)  # fmt: skip

_JOINING_SCRIPT = (0x620, 0x6D3)
#: Arabic letters that join to the right only; the others in the range join on both sides, but for two.
_RIGHT_JOINING = charset(
    "\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb\u06cd\u06cf\u06d2\u06d3"
)
_NOT_JOINING = (0x621, 0x674)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the rules ask of a character."""

    #: Bidirectional class in short: L, R (also AL), EN, AN, N (marks, symbols).
    direction: str
    #: "", "mark", "ordered mark" (with a combining class), "virama".
    mark: str = ""
    #: Its part in the rules of context: "l" and "middle dot", "greek" and "keraia", "hebrew" and "geresh", ...
    role: str = ""
    #: Whether it composes with a following character, or with one before it.
    first: bool = False
    second: bool = False
    ascii: bool = False
    #: Capitals are for labels without any character beyond ASCII.
    capital: bool = False


@cache
def _kinds() -> tuple[tuple[CharSet, Kind], ...]:
    """All characters of labels but the hyphen, by kind."""
    ranges: dict[Kind, list[tuple[int, int]]] = {}
    firsts, seconds = _composing()
    for low, high, name in _UNIFORM:
        kind = Kind("L", role=_SCRIPTS.get(name, ""))
        ranges.setdefault(kind, []).append((low, high))
    for codepoint in _valid_codepoints():
        kind = _kind_of(codepoint, codepoint in firsts, codepoint in seconds)
        ranges.setdefault(kind, []).append((codepoint, codepoint))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        kind = Kind("L", role="l" if letter == "l" else "", first=ord(letter) in firsts, ascii=True)
        ranges.setdefault(kind, []).append((ord(letter), ord(letter)))
    ranges[Kind("L", ascii=True, capital=True)] = [(0x41, 0x5A)]
    ranges[Kind("EN", ascii=True)] = [(0x30, 0x39)]
    return tuple((CharSet.of(found), kind) for kind, found in ranges.items())


def _composing() -> tuple[set[int], set[int]]:
    """The characters that begin, and those that end, a pair with a composed form."""
    firsts, seconds = set(), set()
    for low, high in _SURVEYED:
        for codepoint in range(low, high + 1):
            parts = unicodedata.decomposition(chr(codepoint)).split()
            if len(parts) == 2 and not parts[0].startswith("<"):
                firsts.add(int(parts[0], 16))
                seconds.add(int(parts[1], 16))
    return firsts, seconds


def _valid_codepoints() -> Iterator[int]:
    """PVALID, CONTEXTO and CONTEXTJ beyond ASCII, without the uniform blocks (RFC 5892, section 3)."""
    for low, high in _SURVEYED:
        for codepoint in range(low, high + 1):
            named = codepoint in _PVALID or codepoint in _ROLES
            if named or (
                unicodedata.category(chr(codepoint)) in _LETTERS_AND_DIGITS and _is_stable(codepoint)
            ):
                yield codepoint


def _is_stable(codepoint: int) -> bool:
    """Whether a letter, mark or digit is its own normal form in all respects, and not disallowed by name."""
    character = chr(codepoint)
    if codepoint in _DISALLOWED or any(low <= codepoint <= high for low, high in _IGNORED):
        return False
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    return folded == character


_LETTERS_AND_DIGITS = {"Ll", "Lo", "Lm", "Nd", "Mn", "Mc"}
_ROLES = {
    0xB7: "middle dot", 0x375: "keraia", 0x5F3: "geresh", 0x5F4: "geresh", 0x30FB: "katakana dot",
    0x200C: "non-joiner", 0x200D: "joiner",
}  # fmt: skip
_SCRIPTS = {"GREEK": "greek", "HEBREW": "hebrew", "HIRAGANA": "kana", "KATAKANA": "kana", "CJK": "kana"}


def _kind_of(codepoint: int, first: bool, second: bool) -> Kind:
    character = chr(codepoint)
    bidi = unicodedata.bidirectional(character)
    direction = {"L": "L", "R": "R", "AL": "R", "EN": "EN", "AN": "AN"}.get(bidi, "N")
    combining = unicodedata.combining(character)
    mark = ""
    if unicodedata.category(character).startswith("M"):
        mark = "virama" if combining == 9 else "ordered mark" if combining else "mark"
    return Kind(direction, mark, _role_of(codepoint), first, second)


def _role_of(codepoint: int) -> str:
    if codepoint in _ROLES:
        return _ROLES[codepoint]
    if 0x660 <= codepoint <= 0x669:
        return "arabic digit"
    if 0x6F0 <= codepoint <= 0x6F9:
        return "extended digit"
    character = chr(codepoint)
    if _JOINING_SCRIPT[0] <= codepoint <= _JOINING_SCRIPT[1] and unicodedata.category(character) == "Lo":
        return "" if codepoint in _NOT_JOINING else "right" if _RIGHT_JOINING.contains(codepoint) else "dual"
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "")


@dataclass(frozen=True, slots=True)
class _State:
    """A name read up to somewhere in a label. The name's facts:"""

    #: Characters of the labels before, encoded, with their dots.
    total: int = 0
    #: A label before is right-to-left.
    rtl: bool = False
    #: A label before breaks the rules that right-to-left names have for the other labels.
    loose: bool = False

    # The label's facts.
    #: 0 to 4 characters read.
    position: int = 0
    #: What its encoded form has at most, less the overhead.
    size: int = 0
    wide: bool = False
    capital: bool = False
    #: L or R by the first character, N for a label that begins like neither.
    direction: str = ""
    #: EN or AN, in a right-to-left label that has digits.
    digits: str = ""
    #: Which of the two sets of Arabic digits it has.
    numerals: str = ""
    #: "need" once there is a Katakana dot, "has" once there is a letter that allows it.
    kana: str = ""

    # The last character's facts.
    #: The Bidi rule lets the label end here.
    ends: bool = False
    hyphen: bool = False
    role: str = ""
    virama: bool = False
    ordered: bool = False
    first: bool = False
    #: The next character must be: l, greek, joining (Arabic), letter.
    expects: str = ""

    @property
    def length(self) -> int:
        return self.size + (_OVERHEAD if self.wide else 0)

    @property
    def accepting(self) -> bool:
        pending = self.hyphen or self.expects or self.kana == "need" or not self.position
        return not pending and (self.ends or not (self.rtl or self.direction == "R"))

    def lives(self) -> bool:
        """Whether there is room for the characters that the label still needs."""
        missing = 0
        if self.expects:
            missing += 1 if self.expects == "l" else _COST
        if self.kana == "need":
            missing += _COST
        if not missing and not self.accepting:
            missing = _COST if self.direction == "R" else 1
        return self.length + missing <= _LABEL and self.total + self.length + missing <= _NAME


class _IdnHostName:
    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        assert isinstance(state, _State)
        found: list[tuple[CharSet, Hashable]] = []
        for characters, kind in _kinds():
            after = _read(state, kind)
            if after is not None and after.lives():
                found.append((characters, after))
        after = _hyphen(state)
        if after is not None and after.lives():
            found.append((charset("-"), after))
        if state.accepting:
            after = _next_label(state, state.total + state.length + 1)
            if after.lives():
                found.append((charset(DOTS), after))
        return found

    def accepting(self, state: Hashable, /) -> bool:
        assert isinstance(state, _State)
        return state.accepting

    def dead(self, state: Hashable, /) -> bool:
        return False


def _next_label(state: _State, total: int) -> _State:
    """Behind the dot after a label that may end here."""
    broken = state.direction == "N" or not state.ends
    return _State(total, state.rtl or state.direction == "R", state.loose or broken)


def _hyphen(state: _State) -> _State | None:
    twice = state.hyphen and state.position == 3
    if state.position == 0 or state.expects or twice:
        return None
    return replace(
        state, position=min(state.position + 1, 4), size=state.size + 1, ends=False, hyphen=True, role="", virama=False,
        ordered=False, first=False,
    )  # fmt: skip


def _read(state: _State, kind: Kind) -> _State | None:
    """After a character of this kind; None where a rule forbids it."""
    if not (_may_follow(state, kind) and _has_its_context(state, kind) and _keeps_bidi_rule(state, kind)):
        return None
    mark = bool(kind.mark)
    direction = state.direction or (kind.direction if kind.direction in {"L", "R"} else "N")
    allowed_ends = {"R", "EN", "AN"} if direction == "R" else {"L", "EN"}
    in_rtl_digits = kind.direction if direction == "R" and kind.direction in {"EN", "AN"} else ""
    return replace(
        state,
        position=min(state.position + 1, 4),
        size=state.size + (1 if kind.ascii else _COST),
        wide=state.wide or not kind.ascii,
        capital=state.capital or kind.capital,
        direction=direction,
        digits=in_rtl_digits or state.digits,
        numerals=kind.role if kind.role.endswith(" digit") else state.numerals,
        kana="has" if kind.role == "kana" else state.kana or ("need" if kind.role == "katakana dot" else ""),
        ends=state.ends if mark and kind.direction == "N" else kind.direction in allowed_ends,
        hyphen=False,
        role=kind.role if kind.role in {"l", "hebrew", "dual"} else "",
        virama=kind.mark == "virama",
        ordered=kind.mark in {"ordered mark", "virama"},
        first=kind.first or (mark and state.first),
        expects=_expected(state, kind),
    )


def _may_follow(state: _State, kind: Kind) -> bool:
    """Forms: marks do not begin, normal form C, capitals only among ASCII."""
    if kind.mark and (state.position == 0 or state.hyphen or (state.ordered and kind.mark != "mark")):
        return False
    if kind.second and state.first:
        return False
    return not (kind.capital and state.wide) and not (state.capital and not kind.ascii)


def _has_its_context(state: _State, kind: Kind) -> bool:
    """Appendix A of RFC 5892: what is before; and what was announced is here."""
    role = kind.role
    if state.expects == "letter":
        if kind.mark or kind.direction not in {"L", "R"} or role in _ROLES.values():
            return False
    elif state.expects == "joining":
        if role not in {"dual", "right"}:
            return False
    elif state.expects and role != state.expects:
        return False
    if role == "middle dot":
        return state.role == "l"
    if role == "geresh":
        return state.role == "hebrew"
    if role in {"joiner", "non-joiner"}:
        return state.virama or (role == "non-joiner" and state.role == "dual")
    if role.endswith(" digit"):
        return state.numerals in {"", role}
    return True


def _expected(state: _State, kind: Kind) -> str:
    if kind.role in {"joiner", "non-joiner"}:
        return "letter" if state.virama else "joining"
    return {"middle dot": "l", "keraia": "greek"}.get(kind.role, "")


def _keeps_bidi_rule(state: _State, kind: Kind) -> bool:
    """RFC 5893, section 2; in names without right-to-left labels only that there are none."""
    if not state.direction:
        if kind.direction == "R":
            return not state.loose
        return kind.direction == "L" or (not state.rtl and kind.direction != "AN")
    if state.direction == "R":
        if kind.direction == "L" or kind.role in {"keraia", "katakana dot"}:
            return False
        return kind.direction not in {"EN", "AN"} or state.digits in {"", kind.direction}
    return kind.direction not in {"R", "AN"}


def idn_hostname() -> Expr:
    """Internationalised host names, but for some long or composed ones and those with "xn--"."""
    return leaf(_IDN_HOST_NAME, _State())


def any_idn_hostname() -> Expr:
    """All internationalised host names and more: labels of the right characters, 63 of them at most."""
    inside = CharSet.of([bounds for characters, _ in _kinds() for bounds in characters.ranges])
    label = many(chars(inside | charset("-")), 1, _LABEL)
    return seq(label, many(seq(chars(charset(DOTS)), label)))


def label_after(label: str, before: _State | None = None) -> _State | None:
    """The state of a name behind `before` and one more label; None where a rule forbids it.

    Its encoded length and its normal form are left to the caller, who has all of the label and need not estimate.
    """
    state = before or _State()
    for character in label:
        kind = None if character == "-" else _measured_kind(character)
        after = _hyphen(state) if character == "-" else _read(state, kind) if kind else None
        if after is None:
            return None
        state = after
    return _next_label(state, 0) if state.accepting else None


@cache
def _measured_kind(character: str) -> Kind | None:
    """The kind of a character of a label whose normal form is known, so that how it composes does not matter."""
    for characters, kind in _kinds():
        if characters.contains(ord(character)):
            mark = "mark" if kind.mark == "ordered mark" else kind.mark
            return replace(kind, mark=mark, first=False, second=False)
    return None


_IDN_HOST_NAME = _IdnHostName()
