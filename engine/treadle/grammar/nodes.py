"""The nodes of expressions: hash-consed trees that denote languages of Unicode text.

Every node is interned: two nodes of the same shape are the same object, `is` decides equality and identity hashes
are the keys of every cache. The tables hold nodes weakly; a node that nobody uses goes, with what it cached.
Each node knows at its birth whether it holds the empty text, bounds of the length of its texts and whether it is
plain, so that nothing has to walk a deep tree later. Normal forms are made in `expression`, not here.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Hashable, Sequence
from functools import cache
from typing import Protocol, TypeGuard, TypeVar, cast, runtime_checkable
from weakref import WeakValueDictionary

from treadle.grammar.charset import CharSet

Transitions = tuple[tuple[CharSet, "Expr"], ...]
Node = TypeVar("Node", bound="Expr")


class Machine(Protocol):
    """A deterministic automaton written by hand. It must be hashable, and so must its states."""

    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        """Disjoint classes with the state each leads to; missing characters are refused."""

    def accepting(self, state: Hashable, /) -> bool: ...

    def dead(self, state: Hashable, /) -> bool:
        """Whether nothing is accepted from here. Must be exact: a state that is not dead has a word."""


@runtime_checkable
class MeasuredMachine(Protocol):
    """A machine that knows its shortest texts, which spares a search where states are many."""

    def shortest_length(self, state: Hashable, /) -> int: ...

    def shortest(self, state: Hashable, /) -> str: ...


@runtime_checkable
class ForeseeingMachine(Protocol):
    """A machine that knows what may come first, which spares deriving states that nothing leads on from."""

    def first_ascii(self, state: Hashable, /) -> int:
        """The ASCII characters that may be read first, a superset, as 128 bits."""


@cache
def _follows(machine: type, protocol: type) -> bool:
    return issubclass(machine, protocol)


def is_measured(machine: Machine) -> TypeGuard[MeasuredMachine]:
    """`isinstance`, which costs microseconds for a protocol each time."""
    return _follows(type(machine), MeasuredMachine)


def is_foreseeing(machine: Machine) -> TypeGuard[ForeseeingMachine]:
    """`isinstance`, like `is_measured`."""
    return _follows(type(machine), ForeseeingMachine)


class Expr:
    """A language of texts. Made by the functions of `expression` only."""

    __slots__ = (
        "__weakref__", "_empty", "_first", "_least", "_live", "_longest", "_shortest", "_transitions",
        "exact", "max_length", "min_length", "nullable", "plain", "serial",
    )  # fmt: skip

    #: Order of birth: sorts the members of commutative nodes.
    serial: int
    #: Whether the empty text is in the language.
    nullable: bool
    #: No intersection or complement inside: a plain node is empty only if it is NOTHING.
    plain: bool
    #: Plain and without leaves: the bounds of the length are attained.
    exact: bool
    #: No text is shorter.
    min_length: int
    #: No text is longer, None = no bound.
    max_length: int | None

    # Caches, filled by `derivative` and `emptiness`.
    _transitions: Transitions | None
    _live: Transitions | None
    _empty: bool | None
    _shortest: str | None
    #: The length of a shortest text, where a search came by.
    _least: int | None
    _longest: tuple[int | None] | None
    _first: int | None

    def __repr__(self) -> str:
        return shown(self, 4)


class Nothing(Expr):
    __slots__ = ()


class Epsilon(Expr):
    __slots__ = ()


class Chars(Expr):
    """One character out of a set that is not empty."""

    __slots__ = ("set",)
    set: CharSet


class Text(Expr):
    """One text of two or more characters."""

    __slots__ = ("text",)
    text: str


class WordTable:
    """Sorted distinct words, shared by all residuals of one word set."""

    __slots__ = ("__weakref__", "words")
    words: tuple[str, ...]


class Words(Expr):
    """The words `table.words[low:high]`, of which the first `depth` characters, common to all, are read."""

    __slots__ = ("table", "low", "high", "depth")  # noqa: RUF023 (the order of the fields)
    table: WordTable
    low: int
    high: int
    depth: int


class Concat(Expr):
    """`head` then `tail`; the head is never a Concat, so that chains lean to the right."""

    __slots__ = ("head", "tail")
    head: Expr
    tail: Expr


class Repeat(Expr):
    """`low` to `high` times the body, None = no bound."""

    __slots__ = ("body", "low", "high")  # noqa: RUF023 (the order of the fields)
    body: Expr
    low: int
    high: int | None


class Alternate(Expr):
    __slots__ = ("members",)
    members: tuple[Expr, ...]


class Intersect(Expr):
    __slots__ = ("members",)
    members: tuple[Expr, ...]


class Complement(Expr):
    """Every text that the body does not have."""

    __slots__ = ("body",)
    body: Expr


class Definition(Protocol):
    """What a knot stands for, worked out when it is asked for."""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Equal keys, equal languages; holds no nodes (see `intern_node`)."""

    def unfold(self) -> Expr:
        """The language. May mention the knot itself, but only after a character."""


class Knot(Expr):
    """A language defined by recursion, which the other nodes cannot express: loops with assertions inside."""

    __slots__ = ("definition",)
    definition: Definition


class Leaf(Expr):
    """What `machine` accepts from `state`, which is not dead."""

    __slots__ = ("machine", "state")
    machine: Machine
    state: Hashable


_NODES: WeakValueDictionary[tuple[object, ...], Expr] = WeakValueDictionary()
_TABLES: WeakValueDictionary[tuple[str, ...], WordTable] = WeakValueDictionary()
_SERIALS = itertools.count()
_LOCK = threading.RLock()


def intern_node(
    kind: type[Node],
    key: tuple[object, ...],
    fields: tuple[object, ...],
    *,
    nullable: bool,
    plain: bool,
    exact: bool,
    lengths: tuple[int, int | None],
) -> Node:
    """The one node of this kind with this key; the fields are in the order of `kind.__slots__`.

    N.B. keys name other nodes by their serials. A key that held them would hold, through their cached transitions,
    the very node that it is the key of, and the weak table would never let go of it.
    """
    # The name, not the type: the garbage collector leaves tuples of names and numbers alone.
    key = (kind.__name__, *key)
    known = _NODES.get(key)
    if known is not None:
        return cast("Node", known)
    with _LOCK:
        known = _NODES.get(key)
        if known is None:
            known = _born(kind, fields, nullable, plain, exact, lengths)
            _NODES[key] = known
    return cast("Node", known)


def known_node(kind: type, *key: object) -> Expr | None:
    """The node with this kind and fields, if there is one now. PERF: spares computing the facts of a known node."""
    return _NODES.get((kind.__name__, *key))


def _born(
    kind: type[Node],
    fields: tuple[object, ...],
    nullable: bool,
    plain: bool,
    exact: bool,
    lengths: tuple[int, int | None],
) -> Node:
    node = object.__new__(kind)
    for name, value in zip(kind.__slots__, fields, strict=True):
        setattr(node, name, value)
    node.serial = next(_SERIALS)
    node.nullable = nullable
    node.plain = plain
    node.exact = exact
    node.min_length, node.max_length = lengths
    node._transitions = node._live = node._shortest = node._least = node._longest = node._first = None
    node._empty = False if nullable or plain else None
    return node


def intern_table(words: tuple[str, ...]) -> WordTable:
    with _LOCK:
        known = _TABLES.get(words)
        if known is None:
            known = WordTable()
            known.words = words
            _TABLES[words] = known
    return known


def shown(node: Expr, depth: int) -> str:
    """A node for a person to read, its parts down to `depth` levels."""
    name = type(node).__name__
    if isinstance(node, Words):
        return f"Words({node.high - node.low}, depth={node.depth})"
    fields = (getattr(node, field) for field in type(node).__slots__)
    return f"{name}({', '.join(_shown_field(field, depth) for field in fields)})"


def _shown_field(field: object, depth: int) -> str:
    parts = field if isinstance(field, tuple) else (field,)
    if not any(isinstance(part, Expr) for part in parts):
        return repr(field)
    if depth == 0:
        return "..."
    written = [shown(part, depth - 1) for part in parts[:6] if isinstance(part, Expr)]
    return ", ".join([*written, *(["..."] if len(parts) > 6 else [])])
