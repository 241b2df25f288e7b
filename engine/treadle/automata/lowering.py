"""Lowering: rule nodes -> positions in memory, each when a kernel first reaches it.

Continuation passing: `lower(node, then)` writes the records of a node that goes on at position `then`, so literals
and strings need no stack; only a `Call` pushes a return, and not even that when nothing follows it (a tail call), which
is what makes long arrays and right recursion run in constant stack. Bodies of calls end in RETURN.

Character automata (derivatives of expressions) and sets of literal names are lowered the same way: a state when it is
reached, a set when its position is. Nothing here is ever undone, so numbers stay valid for the automaton's life.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import numpy as np

from treadle.automata import layout as at
from treadle.automata.character_states import CharacterStates
from treadle.automata.literal_sets import LiteralSets
from treadle.automata.memory import Memory
from treadle.automata.object_records import ObjectRecords
from treadle.automata.spelling import Spelling
from treadle.grammar import rules
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, never_runs_out, shortest_length
from treadle.grammar.expression import (
    ANY_TEXT,
    Chars,
    Expr,
    Repeat,
    as_words,
    complement,
    intersect,
    repeat,
    words,
)

RETURN: Final = 1
ACCEPT: Final = 2
_RECORD = struct.Struct("9i")


class Lowering:
    """Writes positions, character states and literal sets into a memory."""

    def __init__(
        self, memory: Memory, spelling: Spelling, measured: bool = False, prelude: Lowering | None = None
    ) -> None:
        """`prelude`: a lowering of the same kind, whose positions this one begins with (prelude.py)."""
        self.memory = memory
        self._spelling = spelling
        #: Calls in the order of their discovery, and their entries.
        self.calls: list[tuple[rules.Call, int]] = []
        self._entries: dict[Hashable, int] = {}
        self._spaces: dict[tuple[int, int | None], int] = {}
        self._names: dict[int, rules.Names | rules.Object] = {}
        #: The positions of the member names of objects, in the order of their discovery, with what they are names of.
        self.objects: list[tuple[int, rules.Object]] = []
        #: The progress that an object begins with.
        self._objects: dict[rules.Object, int] = {}
        #: In front of an object's first member, and behind a member, by how gaps are written.
        self._skeletons: dict[tuple[rules.Node, rules.Node], tuple[int, int]] = {}
        self._shortest_names: dict[int, int] = {}
        #: Lists of unlisted names, memo entries: their last name, and the list before it.
        self._written: dict[int, tuple[str, int]] = {}
        #: Is there a class of unlisted names that can be used up?
        self.exhaustible = False
        self._items: dict[int, rules.Recorded] = {}
        self.listed = LiteralSets(memory)
        self._records = ObjectRecords(memory)
        self.characters = CharacterStates(memory, measured)
        #: Least bytes and kinds of all positions, as they are in memory.
        self._rests, self._kinds = [0], [at.P_DEAD]
        #: Positions that were made before: of bytes, of choices, of calls, of strings, of the end of an object.
        self._literals: dict[tuple[bytes, int], int] = {}
        self._forks: dict[tuple[int, ...], int] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._texts: dict[tuple[int, ...], int] = {}
        if prelude is None:
            self._record(at.P_RETURN)
            self._record(at.P_ACCEPT)
        else:
            self._begin_with(prelude)

    def _begin_with(self, prelude: Lowering) -> None:
        """What another lowering has written stands here under the same numbers. Nothing of it is left to lower."""
        self.memory.begin_with(prelude.memory)
        self.listed.begin_with(prelude.listed)
        self.characters.begin_with(prelude.characters)
        self._rests, self._kinds = prelude._rests.copy(), prelude._kinds.copy()
        self._entries, self._names = prelude._entries.copy(), prelude._names.copy()
        self._spaces, self._skeletons = prelude._spaces.copy(), prelude._skeletons.copy()
        self._literals, self._forks = prelude._literals.copy(), prelude._forks.copy()
        self._calls, self._texts = prelude._calls.copy(), prelude._texts.copy()

    # -- positions ---------------------------------------------------------------------------------

    def lower(self, node: rules.Node, then: int) -> int:
        """Position where `node` starts, going on at `then`. 0 (dead) when nothing fits."""
        if then == 0:
            return 0
        kind = type(node)
        if kind is rules.Sequence:
            for part in reversed(node.parts):  # type: ignore[union-attr]
                then = self.lower(part, then)
            return then
        return _WAYS[kind](self, node, then)

    def _prepared(self, node: rules.Prepared, then: int) -> int:
        return self.lower(node.node, then)

    def _spelled(self, node: rules.Literal, then: int) -> int:
        return self._literal(node.data, then) if self._spelling.literal(node.data) else 0

    def _record(
        self, kind: int, a: int = 0, b: int = 0, c: int = 0, then: int = 0, literals: int = -1, flags: int = 0,
        rest: int = 0, nexts: int = -1,
    ) -> int:  # fmt: skip
        p = self.memory.append(at.AT_POSITIONS, 1)
        self._rests.append(rest)
        self._kinds.append(kind)
        _RECORD.pack_into(
            self.memory.buffer, 4 * self.memory.at(at.AT_POSITIONS, p),
            kind, a, b, c, then, literals, flags, rest, nexts,
        )  # fmt: skip
        return p

    def _write(self, p: int, kind: int, a: int = 0, b: int = 0, rest: int = 0) -> None:
        """Say what a position is that was recorded before."""
        self._rests[p] = rest
        self._kinds[p] = kind
        _RECORD.pack_into(
            self.memory.buffer, 4 * self.memory.at(at.AT_POSITIONS, p), kind, a, b, 0, 0, -1, 0, rest, -1
        )

    def _column(self, p: int, column: int) -> int:
        return int(self.memory.words[self.memory.at(at.AT_POSITIONS, p) + column])

    def _rest(self, p: int) -> int:
        return self._rests[p]

    def _bytes(self, rows: Sequence[tuple[int, int, int]]) -> int:
        rest = 1 + min([self._rests[target] for _, _, target in rows])
        return self._record(at.P_BYTES, self.memory.add_edges(rows), len(rows), rest=rest)

    def _literal(self, data: bytes, then: int) -> int:
        """The same bytes in front of the same position are one position."""
        known = self._literals.get((data, then))
        if known is None:
            p = then
            for byte in reversed(data):
                p = self._bytes([(byte, byte, p)])
            known = self._literals[data, then] = p
        return known

    def _choices(self, node: rules.Choice, then: int) -> int:
        return self._choice([self.lower(option, then) for option in node.options])

    def _choice(self, options: list[int]) -> int:
        options = list(dict.fromkeys([p for p in options if p]))
        if len(options) <= 1:
            return options[0] if options else 0
        key = tuple(options)
        known = self._forks.get(key)
        if known is None:
            known = self._forks[key] = self._joined(options)
        return known

    def _joined(self, options: list[int]) -> int:
        literal = [p for p in options if self._kinds[p] == at.P_BYTES]
        if len(literal) > 1:
            # One position with all their edges: a frontier of one row instead of one for each bracket and quote.
            rows = [row for p in literal for row in self._edge_rows(p)]
            options = [self._bytes(rows)] + [p for p in options if p not in literal]
            if len(options) == 1:
                return options[0]
        return self._fork(options)

    def _fork(self, options: list[int]) -> int:
        rest = min([self._rests[p] for p in options])
        return self._record(
            at.P_FORK, self.memory.add_edges([(0, 0, p) for p in options]), len(options), rest=rest
        )

    def _edge_rows(self, p: int) -> list[tuple[int, int, int]]:
        first, count = self._column(p, at.POS_A), self._column(p, at.POS_B)
        rows: list[list[int]] = self.memory.rows(at.AT_EDGES, first, count).tolist()
        return [(a, b, c) for a, b, c in rows]

    def _call(self, call: rules.Call, then: int) -> int:
        entry = self._entries.get(call.key)
        if entry is None:
            entry = self._record(at.P_LAZY, len(self.calls), rest=call.least)
            self.calls.append((call, entry))
            self._entries[call.key] = entry
        if then == RETURN:
            return entry
        known = self._calls.get((entry, then))
        if known is None:
            rest = call.least + self._rests[then]
            known = self._calls[entry, then] = self._record(at.P_CALL, entry, then, rest=rest)
        return known

    def lower_lazy(self, p: int) -> None:
        """Answer ASK_NODE: unfold the call whose entry is position p."""
        call, _ = self.calls[self._column(p, at.POS_A)]
        target = self.lower(call.body(), RETURN)
        if target == 0:
            self._write(p, at.P_DEAD)
        else:
            self._lead(p, target, self._rests[p])

    def is_lowered(self, entry: int) -> bool:
        """Was the call with this entry unfolded?"""
        return self._kinds[entry] != at.P_LAZY

    def _lead(self, p: int, target: int, rest: int) -> None:
        """Make a position a fork of one way."""
        self._write(p, at.P_FORK, self.memory.add_edges([(0, 0, target)]), 1, rest)

    def _gap(self, node: rules.Space, then: int) -> int:
        return self._space(node.indent, then)

    def _space(self, indent: int | None, then: int) -> int:
        known = self._spaces.get((then, indent))
        if known is not None:
            return known
        rest = self._rest(then)
        if indent is None:
            space = self._record(at.P_FORK, 0, 2, rest=rest)
            blank = self._bytes([(0x20, 0x20, space), (0x09, 0x0A, space), (0x0D, 0x0D, space)])
            self._write(space, at.P_FORK, self.memory.add_edges([(0, 0, then), (0, 0, blank)]), 2, rest)
        else:
            columns = self._record(at.P_INDENT, then, indent, rest=rest)
            space = self._record(at.P_SPACE, then, columns, rest=rest)
        self._spaces[then, indent] = space
        return space

    def _object(self, node: rules.Object, then: int) -> int:
        first, behind = self._skeleton(node.gap, node.behind_comma)
        progress = self._objects.get(node)
        if progress is None:
            progress = self._objects[node] = self._records.begin(node, self._object_names(node, behind))
        entry = behind if node.begun else first
        return self._record(at.P_OBJECT, entry, progress, 0, then, rest=node.least + self._rest(then))

    def _skeleton(self, gap: rules.Node, behind_comma: rules.Node) -> tuple[int, int]:
        """Where objects go on with their node on the stack: in front of a first member, and behind one.

        What differs between objects is asked of the stack, so all objects share these positions, and equal members of
        different objects share theirs.
        """
        known = self._skeletons.get((gap, behind_comma))
        if known is None:
            # Members lead back behind a member, a place that is written when they are.
            behind = self._record(at.P_FORK, 0, 1, rest=1)
            end = self._record(at.P_IF, self._literal(b"}", RETURN), at.IF_CAN_CLOSE, rest=1)
            name = self._literal(b'"', self._record(at.P_MEMBER, rest=-1))
            comma = self._literal(b",", self.lower(behind_comma, name))
            self._lead(behind, self._end_or(end, comma, gap), 1)
            known = self._skeletons[gap, behind_comma] = (self._end_or(end, name, gap), behind)
        return known

    def _end_or(self, end: int, member: int, gap: rules.Node) -> int:
        """A gap, then the closing bracket if the object may end, or a member if one may come."""
        more = self._record(at.P_IF, member, at.IF_CAN_GO_ON, rest=1)
        return self.lower(gap, self._fork([end, more]))

    def _object_names(self, node: rules.Object, behind: int) -> int:
        names = tuple(member.name for member in node.members)
        others = tuple(_without(language, names) for language in node.others)
        literals, nexts = -1, 0
        if names:
            literals = self.listed.number(names)
            nexts = self.memory.append(at.AT_LITERAL_NEXT, len(names))
            self.memory.rows(at.AT_LITERAL_NEXT, nexts, len(names))[:, 0] = at.NEXT_NOT_LOWERED
        flags = at.F_KEYS | at.F_OBJECT | _canonical(node) | (at.F_TOTAL if node.total else 0)
        state = self.characters.number(others[0] if len(others) == 1 else others, False) if others else 0
        # The node on the stack counts what members need, with their commas: so that behind a comma nothing is left.
        p = self._record(at.P_STRING, state, 0, -1, behind, literals, flags, -1, nexts)
        self._names[p] = node
        self.objects.append((p, node))
        return p

    def _recorded(self, node: rules.Recorded, then: int) -> int:
        end = self._record(at.P_ITEM_END, then=then, rest=node.after_least + self._rest(then))
        self._items[end] = node
        entry = self.lower(node.body, RETURN)
        return self._record(at.P_ITEM, entry, end, rest=node.body.least + self._rest(end)) if entry else 0

    def lower_item(self, p: int, history: int, start: int) -> int:
        """Answer ASK_ITEM: the position that follows a recorded value."""
        data = None if history < 0 else self._bytes_of(history)[start - 1 :]
        return self.lower(self._items[p].after(data), self._column(p, at.POS_THEN))

    # -- characters --------------------------------------------------------------------------------

    def _characters(self, node: rules.Text | rules.Quoted, then: int) -> int:
        kind = at.P_STRING if isinstance(node, rules.Quoted) else at.P_TEXT
        flags = _canonical(node) if isinstance(node, rules.Quoted) else 0
        rest = node.least + self._rest(then)
        if isinstance(node, rules.Quoted):
            language = self._spelling.quoted(node.language, node.canonical)
        else:
            language = self._spelling.text(node.language)
        if language is not node.language and is_empty(language):
            return 0
        fewest, most = node.fewest, node.most
        if isinstance(language, Repeat) and isinstance(language.body, Chars):
            # `[a-z]{3,40}`: counted beside the string, it has one state instead of forty.
            fewest = max(fewest, language.low)
            most = min((bound for bound in (most, language.high) if bound is not None), default=None)
            language = repeat(language.body, 0, None)
            if most is not None and fewest > most:
                return 0
        finite = as_words(language)
        if finite is not None:
            finite = tuple(w for w in finite if fewest <= len(w) and (most is None or len(w) <= most))
            if not finite:
                return 0
            literals = self.listed.number(finite)
            return self._text(kind, 0, 0, -1, then, literals, flags, rest)
        bound = -1 if most is None else most
        state = self.characters.number(language, bound >= 0)
        return self._text(kind, state, fewest, bound, then, -1, flags, rest)

    def _text(self, *columns: int) -> int:
        """The position of a string or text: that of an equal one, if there is one."""
        known = self._texts.get(columns)
        if known is None:
            known = self._texts[columns] = self._record(*columns)
        return known

    @property
    def records_values(self) -> bool:
        """Was any value lowered so far whose text makes a difference?"""
        return bool(self._items)

    def shortest_name(self, p: int) -> int:
        """Characters of the shortest name that position p allows."""
        known = self._shortest_names.get(p)
        if known is None:
            node = self._names[p]
            assert isinstance(node, rules.Names)
            lengths = [len(name) for name in node.allowed]
            lengths += [shortest_length(language) for language in node.others if not is_empty(language)]
            known = self._shortest_names[p] = min(lengths, default=0)
        return known

    def shortest_literal(self, position: list[int], low: int, high: int) -> int:
        """Length of the shortest allowed literal among rows low..high - 1, a large number if none is."""
        offsets = self.memory.rows(at.AT_LITERAL_OFFSETS, low, high - low + 1)[:, 0]
        lengths = np.diff(offsets)
        nexts = position[at.POS_NEXTS]
        if nexts >= 0:
            first = self.memory.rows(at.AT_LITERAL_SETS, position[at.POS_LITERALS], 1)[0, 0]
            allowed = self.memory.rows(at.AT_LITERAL_NEXT, nexts + low - int(first), high - low)[:, 0]
            lengths = lengths[allowed != at.NEXT_FORBIDDEN]
        return int(lengths.min(initial=1 << 20))

    # -- literal sets and member names -------------------------------------------------------------

    def _names_position(self, node: rules.Names, then: int) -> int:
        others = tuple(_without(language, node.names) for language in node.others)
        others = others if any(not is_empty(language) for language in others) else ()
        if not others and not node.allowed:
            return 0
        self.exhaustible = self.exhaustible or not all(map(never_runs_out, others))
        literals, nexts = -1, -1
        if node.names:
            literals = self.listed.number(node.names)
            nexts = self.memory.append(at.AT_LITERAL_NEXT, len(node.names))
            allowed = [
                at.NEXT_NOT_LOWERED if name in node.allowed else at.NEXT_FORBIDDEN for name in node.names
            ]
            self.memory.rows(at.AT_LITERAL_NEXT, nexts, len(node.names))[:, 0] = allowed
        state = self.characters.number(others[0] if len(others) == 1 else others, False) if others else 0
        flags = at.F_KEYS | _canonical(node)
        p = self._record(at.P_STRING, state, 0, -1, then, literals, flags, node.least, nexts)
        self._names[p] = node
        return p

    def lower_name(self, p: int, index: int) -> None:
        """Answer ASK_NAME: write what follows listed name number `index` of position p."""
        node = self._names[p]
        name = node.members[index].name if isinstance(node, rules.Object) else node.names[index]
        target = self.lower(node.after(name), self._column(p, at.POS_THEN))
        row = self._column(p, at.POS_NEXTS) + index
        self.memory.words[self.memory.at(at.AT_LITERAL_NEXT, row)] = target

    def is_name_lowered(self, p: int, index: int) -> bool:
        """Is it known what follows listed name number `index` of position p?"""
        row = self._column(p, at.POS_NEXTS) + index
        return bool(self.memory.words[self.memory.at(at.AT_LITERAL_NEXT, row)] != at.NEXT_NOT_LOWERED)

    def lower_other(self, p: int, label: int, text: int) -> int:
        """Answer ASK_OTHER: the position that follows an unlisted name of class `label`."""
        node = self._names[p]
        assert node.after_other is not None
        if isinstance(node, rules.Object):
            behind = node.after_other(label)
        else:
            behind = node.after_other(label, None if text < 0 else self.spelled(text))
        return self.lower(behind, self._column(p, at.POS_THEN))

    def name_so_far(self, config: list[int]) -> str:
        """The characters of a member name that a configuration has read, where an unlisted name is recorded."""
        if config[at.CFG_TEXT] > 0:
            return self.spelled(config[at.CFG_TEXT])
        if config[at.CFG_LOW] >= config[at.CFG_HIGH]:
            return ""
        return self.listed.word(config[at.CFG_LOW])[: config[at.CFG_COUNT]]

    def seen(self, stack: int) -> list[str]:
        """The unlisted names of the object on top of a stack."""
        memory = self.memory
        progress = int(memory.words[memory.at(at.AT_STACK, stack) + at.STK_PROGRESS])
        entry = int(memory.words[memory.at(at.AT_PROGRESS, progress) + at.PRG_SEEN])
        names = []
        while entry > 0:
            name, entry = self.last_name(entry)
            names.append(name)
        return names

    def last_name(self, entry: int) -> tuple[str, int]:
        """The last of a list of unlisted names, and the list before it; lists are entries of the memo, 0 has none."""
        known = self._written.get(entry)
        if known is None:
            _, before, text, *_ = self.memory.rows(at.AT_MEMO, entry, 1)[0].tolist()
            known = self._written[entry] = (self.spelled(text), before)
        return known

    def spelled(self, text: int) -> str:
        """The characters of an interned text."""
        return "".join(map(chr, self._units(text)))

    def _bytes_of(self, history: int) -> bytes:
        return bytes(self._units(history))

    def _units(self, text: int) -> list[int]:
        out: list[int] = []
        while text > 1:
            parent, unit, _ = self.memory.rows(at.AT_TEXTS, text, 1)[0].tolist()
            out.append(unit)
            text = parent
        return out[::-1]


_WAYS: Final[dict[type, Callable[[Lowering, Any, int], int]]] = {
    rules.Literal: Lowering._spelled, rules.Call: Lowering._call, rules.Choice: Lowering._choices,
    rules.Space: Lowering._gap, rules.Names: Lowering._names_position, rules.Object: Lowering._object,
    rules.Recorded: Lowering._recorded, rules.Text: Lowering._characters, rules.Quoted: Lowering._characters,
    rules.Prepared: Lowering._prepared,
}  # fmt: skip


def _canonical(node: rules.Quoted | rules.Names | rules.Object) -> int:
    return at.F_CANONICAL if node.canonical else 0


def _without(language: Expr, names: tuple[str, ...]) -> Expr:
    """A class of names without the listed ones.

    The kernel never takes a listed name for another one, so this matters only for liveness: behind `a`, the class
    ^(x.*|a)$ has no word left once "a" is listed.
    """
    if language is ANY_TEXT:
        return language
    listed = [name for name in names if matches(language, name)]
    return intersect(language, complement(words(listed))) if listed else language
