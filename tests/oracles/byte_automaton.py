"""The slow, obvious twin of automata/: an interpreter of rule nodes, byte by byte.

In: a rule node. Out: which bytes lead on. A configuration is a tuple: what is being read, and what is to be read after
it (the nodes left in this rule, and the rules that called it). A state is a set of them. No tables, nothing lowered:
characters are decoded by oracles/spellings.py and languages stepped by `grammar.derivative`.

Alive means here: the characters of the string or text being read can still be completed to a word of its language
within its length. That what follows a string can be completed is promised by whoever builds rules.
Leaves out: left recursion, which no frontend writes.
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import Any

from oracles.objects import spelled_out
from oracles.spellings import plain, quoted
from treadle.grammar import rules
from treadle.grammar.charset import CharSet
from treadle.grammar.derivative import step, transitions
from treadle.grammar.expression import ANY_CHAR, NOTHING, Expr, complement, intersect, repeat, words

#: The nodes left in a rule, then its caller's: None at the top.
Frames = tuple[tuple[rules.Node, ...], Any] | None
Configuration = tuple[Any, ...]
State = frozenset[Configuration]
ACCEPT: Configuration = ("accept",)


@cache
def alive(language: Expr) -> bool:
    """Is there a word? A search over derivatives, breadth first."""
    seen, queue = {language}, deque([language])
    while queue:
        node = queue.popleft()
        if node.nullable:
            return True
        for _, target in transitions(node):
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return False


@cache
def leads_on(language: Expr, possible: CharSet) -> bool:
    """Does one of these characters lead to something alive?"""
    return any(charset.intersect(possible) and alive(target) for charset, target in transitions(language))


def bounded(language: Expr, fewest: int, most: int | None) -> Expr:
    return language if fewest == 0 and most is None else intersect(language, repeat(ANY_CHAR, fewest, most))


class ByteOracle:
    """States of one root rule. `start`, `step`, `accepts` and `allowed` say everything."""

    def __init__(self, root: rules.Node) -> None:
        self._bodies: dict[Any, rules.Node] = {}
        self._behind: dict[Any, rules.Node] = {}
        self._kept: dict[int, _Same] = {}
        self._objects: dict[int, rules.Node] = {}
        self._steps: dict[tuple[Configuration, int], State] = {}
        self.start = self._reached((self._same(root),), None)

    def step(self, state: State, byte: int) -> State:
        return frozenset().union(*(self._configuration_step(configuration, byte) for configuration in state))

    def run(self, data: bytes, state: State | None = None) -> State:
        state = self.start if state is None else state
        for byte in data:
            state = self.step(state, byte)
        return state

    def allowed(self, prefix: bytes) -> bool:
        """Is this the beginning of a word?"""
        return bool(self.run(prefix))

    def accepts(self, data: bytes) -> bool:
        return ACCEPT in self.run(data)

    # -- what is reached without reading -----------------------------------------------------------

    def _same(self, node: rules.Node) -> _Same:
        # Rules compare equal by their data although their functions differ, so an oracle tells them apart by identity.
        return self._kept.setdefault(id(node), _Same(node))

    def _flat(self, node: rules.Node) -> tuple[_Same, ...]:
        if isinstance(node, rules.Sequence):
            return tuple(part for child in node.parts for part in self._flat(child))
        if isinstance(node, rules.Prepared):
            return self._flat(node.node)
        return (self._same(node),)

    def _reached(self, rest: tuple[_Same, ...], frames: Frames) -> State:
        out: set[Configuration] = set()
        work = [(rest, frames)]
        while work:
            rest, frames = work.pop()
            if not rest:
                if frames is None:
                    out.add(ACCEPT)
                else:
                    work.append(frames)
                continue
            node, rest = rest[0].node, rest[1:]
            work += self._enter(node, rest, frames, out)
        return frozenset(out)

    def _enter(self, node: rules.Node, rest: Any, frames: Frames, out: set[Configuration]) -> list[Any]:
        """Add the configurations that start at `node`; returns what else is reached."""
        if isinstance(node, rules.Prepared):
            return [(self._flat(node) + rest, frames)]
        if isinstance(node, rules.Sequence):
            return [(self._flat(node) + rest, frames)]
        if isinstance(node, rules.Choice):
            return [(self._flat(option) + rest, frames) for option in node.options]
        if isinstance(node, rules.Call):
            if node.key not in self._bodies:
                self._bodies[node.key] = node.body()
            # A call at a rule's end needs no frame of its own; this matters only for how deep indentation may go.
            below = frames if not rest and frames is not None else (rest, frames)
            return [(self._flat(self._bodies[node.key]), below)]
        if isinstance(node, rules.Literal):
            if not node.data:
                return [(rest, frames)]
            out.add(("bytes", node.data, rest, frames))
            return []
        if isinstance(node, rules.Space):
            out.add(("space", node.indent, rest, frames))
            return [(rest, frames)]
        if isinstance(node, rules.Object):
            if id(node) not in self._objects:
                self._objects[id(node)] = spelled_out(node)
            return [(self._flat(self._objects[id(node)]) + rest, frames)]
        if isinstance(node, rules.Names):
            out.add(("names", self._same(node), self._classes(node), "", b"", rest, frames))
            return []
        language = bounded(node.language, node.fewest, node.most)
        if isinstance(node, rules.Quoted):
            if alive(language):
                out.add(("quoted", language, node.canonical, b"", rest, frames))
            return []
        return self._text(language, rest, frames, out)

    def _text(self, language: Expr, rest: Any, frames: Frames, out: set[Configuration]) -> list[Any]:
        if any(alive(target) for _, target in transitions(language)):
            out.add(("text", language, b"", rest, frames))
        return [(rest, frames)] if language.nullable else []

    def _classes(self, node: rules.Names) -> tuple[Expr, ...]:
        unlisted = complement(words(node.names))
        return tuple(intersect(language, unlisted) for language in node.others)

    # -- reading a byte ----------------------------------------------------------------------------

    def _configuration_step(self, configuration: Configuration, byte: int) -> State:
        known = self._steps.get((configuration, byte))
        if known is None:
            kind, *fields = configuration
            known = self._steps[configuration, byte] = getattr(self, f"_read_{kind}")(byte, *fields)
        return known

    def _read_accept(self, byte: int) -> State:
        return frozenset()

    def _read_bytes(self, byte: int, data: bytes, rest: Any, frames: Frames) -> State:
        if data[0] != byte:
            return frozenset()
        if len(data) > 1:
            return frozenset({("bytes", data[1:], rest, frames)})
        return self._reached(rest, frames)

    def _read_space(self, byte: int, indent: int | None, rest: Any, frames: Frames) -> State:
        behind = self._reached(rest, frames)
        if indent is None:
            return behind | {("space", None, rest, frames)} if byte in b" \t\n\r" else frozenset()
        if byte == 0x20:
            return behind
        return behind | {("indentation", indent, 0, rest, frames)} if byte == 0x0A else frozenset()

    def _read_indentation(self, byte: int, indent: int, columns: int, rest: Any, frames: Frames) -> State:
        if byte not in b" \t" or columns + 1 > max(indent, 8 * _depth(frames)):
            return frozenset()
        return self._reached(rest, frames) | {("indentation", indent, columns + 1, rest, frames)}

    def _read_text(self, byte: int, language: Expr, pending: bytes, rest: Any, frames: Frames) -> State:
        spelling = plain(pending + bytes([byte]))
        if spelling is None or not leads_on(language, spelling[0]):
            return frozenset()
        if not spelling[1]:
            return frozenset({("text", language, pending + bytes([byte]), rest, frames)})
        out: set[Configuration] = set()
        behind = self._text(step(language, spelling[0].min()), rest, frames, out)
        for below, above in behind:
            out |= self._reached(below, above)
        return frozenset(out)

    def _read_quoted(
        self, byte: int, language: Expr, canonical: bool, pending: bytes, rest: Any, frames: Frames
    ) -> State:
        if byte == 0x22 and not pending:
            return self._reached(rest, frames) if language.nullable else frozenset()
        spelling = quoted(pending + bytes([byte]), canonical)
        if spelling is None or not leads_on(language, spelling[0]):
            return frozenset()
        if not spelling[1]:
            return frozenset({("quoted", language, canonical, pending + bytes([byte]), rest, frames)})
        return frozenset({("quoted", step(language, spelling[0].min()), canonical, b"", rest, frames)})

    def _read_names(
        self,
        byte: int,
        same: _Same,
        classes: tuple[Expr, ...],
        name: str,
        pending: bytes,
        rest: Any,
        frames: Frames,
    ) -> State:
        node = same.node
        if byte == 0x22 and not pending:
            behind = self._behind_name(same, classes, name)
            return frozenset() if behind is None else self._reached(self._flat(behind) + rest, frames)
        spelling = quoted(pending + bytes([byte]), node.canonical)
        if spelling is None or not (
            _begins(node, name, spelling[0]) or any(leads_on(c, spelling[0]) for c in classes)
        ):
            return frozenset()
        if not spelling[1]:
            return frozenset({("names", same, classes, name, pending + bytes([byte]), rest, frames)})
        char = spelling[0].min()
        classes = tuple(step(language, char) for language in classes)
        classes = tuple(language if alive(language) else NOTHING for language in classes)
        return frozenset({("names", same, classes, name + chr(char), b"", rest, frames)})

    def _behind_name(self, same: _Same, classes: tuple[Expr, ...], name: str) -> rules.Node | None:
        node = same.node
        if (same, name) not in self._behind:
            if name in node.names:
                self._behind[same, name] = node.after(name) if name in node.allowed else None
            else:
                found = [i for i, language in enumerate(classes) if language.nullable]
                assert len(found) <= 1, "classes of names overlap"
                self._behind[same, name] = node.after_other(found[0], name) if found else None
        return self._behind[same, name]


class _Same:
    """A node as itself: equal to no other."""

    def __init__(self, node: rules.Node) -> None:
        self.node = node


def _begins(node: rules.Names, name: str, possible: CharSet) -> bool:
    """Does an allowed name go on behind `name` with one of these characters?"""
    return any(
        word.startswith(name) and len(word) > len(name) and possible.contains(ord(word[len(name)]))
        for word in node.allowed
    )


def _depth(frames: Frames) -> int:
    depth = 0
    while frames is not None:
        depth, frames = depth + 1, frames[1]
    return depth


def shortest_completion(oracle: ByteOracle, state: State, most: int = 300) -> int | None:
    """Fewest bytes from a state to acceptance, breadth first; None when that takes more than `most` states."""
    queue, seen = deque([(state, 0)]), {state}
    while queue and len(seen) <= most:
        here, length = queue.popleft()
        if ACCEPT in here:
            return length
        for byte in range(256):
            reached = oracle.step(here, byte)
            if reached and reached not in seen:
                seen.add(reached)
                queue.append((reached, length + 1))
    return None
