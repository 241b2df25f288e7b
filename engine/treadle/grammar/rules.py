"""Rules: what frontends hand to the automaton. A tree of nodes over texts, lazily unfolded through `Call`.

A node says what may be written here; where it stands (what follows) is the automaton's business. Nothing in it knows
bytes classes, stacks or tokens. `least` of a node is a lower bound of the bytes it needs: the estimate that steers a
search for the end (matching/closing.py), so it has to be cheap and may be too small, never too large.

    Literal     fixed bytes
    Sequence    one after the other          Choice      any of these (none: nothing fits here)
    Call        a named node, unfolded when first reached; the only way to recurse
    Text        plain UTF-8 text of a character language, bounded in length
    Quoted      the rest of a JSON string behind its opening quote, in all its spellings
    Names       the rest of a JSON member name, where what follows depends on the name
    Object      the inside of a JSON object whose members ask the same whenever they come, with its closing bracket
    Space       optional white space
    Recorded    a node after whose text it depends on that text what follows
    Prepared    a node beside calls that many constraints share, whose rules are lowered once for all of them
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Union

from treadle.grammar.expression import Expr


@dataclass(frozen=True)
class Literal:
    data: bytes

    @property
    def least(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...]

    @cached_property
    def least(self) -> int:
        return sum(part.least for part in self.parts)


@dataclass(frozen=True)
class Choice:
    options: tuple[Node, ...]

    @cached_property
    def least(self) -> int:
        return min((option.least for option in self.options), default=0)


@dataclass(frozen=True)
class Call:
    #: Equal keys must mean equal bodies: a body is unfolded once for each key.
    key: Hashable
    body: Callable[[], Node] = field(compare=False)
    least: int = 0


@dataclass(frozen=True)
class Text:
    language: Expr
    fewest: int = 0
    #: Most characters, None for no bound.
    most: int | None = None

    @property
    def least(self) -> int:
        return self.fewest


@dataclass(frozen=True)
class Quoted:
    language: Expr
    fewest: int = 0
    most: int | None = None
    #: Escape only what has to be escaped, as json.dumps(ensure_ascii=False) does.
    canonical: bool = False

    @property
    def least(self) -> int:
        return self.fewest + 1


@dataclass(frozen=True)
class Names:
    #: Every name with a meaning of its own here, allowed or not, sorted by code point.
    names: tuple[str, ...]
    allowed: frozenset[str]
    #: What follows the closing quote of an allowed name.
    after: Callable[[str], Node] = field(compare=False)
    #: Disjoint languages of the names that are not listed, and what follows one of them: (class, name); the name
    #: is None where it must not make a difference.
    others: tuple[Expr, ...] = ()
    after_other: Callable[[int, str | None], Node] | None = field(default=None, compare=False)
    canonical: bool = False
    least: int = 1


class Member(NamedTuple):
    """A listed name of an `Object`."""

    name: str
    #: Place in the declared order, from 0.
    rank: int
    required: bool = False
    #: May it come at all?
    usable: bool = True
    #: A lower bound of the bytes of the member, without a comma.
    need: int = 0


@dataclass(frozen=True)
class Object:
    """From behind the opening bracket (or, where `begun`, from behind a member) to the closing one.

    Written are `gap`, then the closing bracket or a member; between members a comma and `behind_comma`.
    """

    #: Equal keys must mean equal objects: the rules of the inside are lowered once for each key.
    key: Hashable
    #: By code point.
    members: tuple[Member, ...] = field(compare=False)
    #: What follows the closing quote of a listed name: colon and value.
    after: Callable[[str], Node] = field(compare=False)
    #: Disjoint languages of unlisted names, each without an end, and what follows one of them.
    others: tuple[Expr, ...] = field(default=(), compare=False)
    after_other: Callable[[int], Node] | None = field(default=None, compare=False)
    #: Is every name that is not listed in one of `others`?
    total: bool = field(default=False, compare=False)
    #: Members must come in the order of their ranks, unlisted ones last.
    ordered: bool = field(default=False, compare=False)
    #: Number of members, still to come.
    low: int = field(default=0, compare=False)
    high: int | None = field(default=None, compare=False)
    #: A lower bound of the bytes of a member that is not required.
    fill: int = field(default=4, compare=False)
    #: Listed names that are gone; in an ordered object, the first rank that may come.
    gone: frozenset[str] = field(default=frozenset(), compare=False)
    first_rank: int = field(default=0, compare=False)
    begun: bool = False
    gap: Node = field(default=Sequence(()), compare=False)
    behind_comma: Node = field(default=Sequence(()), compare=False)
    canonical: bool = field(default=False, compare=False)
    #: A lower bound of the bytes of all of it.
    least: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Space:
    #: Columns of indentation behind a newline that are always allowed; None: any white space at all.
    indent: int | None

    @property
    def least(self) -> int:
        return 0


@dataclass(frozen=True)
class Recorded:
    body: Node
    #: What follows the body's text; the text is None where it must not make a difference.
    after: Callable[[bytes | None], Node] = field(compare=False)
    #: Least bytes of what follows.
    after_least: int = 0

    @property
    def least(self) -> int:
        return self.body.least + self.after_least


@dataclass(frozen=True)
class Common:
    """Calls that many constraints share. Calls with equal keys must be equal, whatever constraint makes them."""

    #: Equal keys must mean equal calls.
    key: Hashable
    calls: Callable[[], tuple[Call, ...]] = field(compare=False)


@dataclass(frozen=True)
class Prepared:
    """A root that may reach some of `common`, which is then lowered already (automata/prelude.py)."""

    node: Node
    common: Common
    #: What was done to come here, in steps of a frontend's own that take about equally long: who took many made
    #: somebody wait already, and had better leave the rest for later.
    work: int = 0

    @property
    def least(self) -> int:
        return self.node.least


Node = Union[Literal, Sequence, Choice, Call, Text, Quoted, Names, Object, Space, Recorded, Prepared]

EMPTY = Sequence(())
NOTHING = Choice(())
