"""Is a language empty, what is its shortest text, and how long can its texts get?

In: a node. Out: decisions, kept on the nodes. A plain node (no intersection, no complement) is decided by its shape.
Otherwise a best-first search over derivatives looks for a text; unions are searched member by member, so the
search is over the states of a nondeterministic automaton and does not determinise. What a search has seen is
remembered: the states on the way to a text are not empty, the states of a search that found none are.
Searches stop with LimitExceeded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import lru_cache
from heapq import heapify, heappop, heappush

from treadle.errors import LimitExceeded
from treadle.grammar.derivative import filtered_words, transitions
from treadle.grammar.endless import goes_on_for_ever
from treadle.grammar.expression import (
    Alternate,
    Chars,
    Complement,
    Concat,
    Expr,
    Intersect,
    Leaf,
    Repeat,
    Text,
    Words,
    complement,
    intersect,
)
from treadle.grammar.nodes import Transitions, is_measured

#: States that one search may visit.
STATES = 20_000
#: A part of what is left -> what it was reached from, by which character, all that is left there, how far.
_Arrivals = dict[Expr, tuple[Expr | None, str, Expr, int]]
#: Characters of the longest text that `shortest` writes out.
_LONGEST_WITNESS = 1_000_000


def is_empty(expr: Expr, limit: int = STATES) -> bool:
    """Whether no text is in the language; LimitExceeded when more than `limit` states would have to be visited."""
    if expr._empty is None:
        _decide(expr, limit)
    assert expr._empty is not None
    return expr._empty


def live_transitions(expr: Expr, limit: int = STATES) -> Transitions:
    """The transitions whose targets are not empty."""
    known = expr._live
    if known is None:
        edges = transitions(expr)
        if not expr.plain:
            edges = tuple(edge for edge in edges if edge[1]._empty is False or not is_empty(edge[1], limit))
        expr._live = known = edges
    return known


def is_disjoint(left: Expr, right: Expr, limit: int = STATES) -> bool:
    """Whether no text is in both."""
    return _is_disjoint(left, right, limit)


def is_subset(part: Expr, whole: Expr, limit: int = STATES) -> bool:
    """Whether every text of `part` is in `whole`."""
    return _is_disjoint(part, complement(whole), limit)


@lru_cache(maxsize=4096)
def _is_disjoint(left: Expr, right: Expr, limit: int) -> bool:
    return is_empty(intersect(left, right), limit)


def shortest(expr: Expr, limit: int = STATES) -> str | None:
    """A shortest text, None when the language is empty; legible characters are preferred."""
    if is_empty(expr, limit):
        return None
    if expr._shortest is None:
        expr._shortest = _spelled(expr) if _settled(expr) else _searched(expr, limit)
    return expr._shortest


def shortest_length(expr: Expr, limit: int = STATES) -> int:
    """The length of a shortest text; 0 for the empty language."""
    if expr.nullable or _settled(expr):
        return _least(expr)
    if expr._least is None:
        expr._least = len(shortest(expr, limit) or "")
    return expr._least


def longest_length(expr: Expr, limit: int = 2_000) -> int | None:
    """The length of a longest text, None = no bound; 0 for the empty language.

    When more than `limit` states would have to be visited: the bound that the shape gives, which is never too small.
    """
    if expr.exact:
        return expr.max_length
    if expr._longest is None:
        expr._longest = (_longest_path(expr, limit),)
    return expr._longest[0]


@lru_cache(maxsize=1024)
def never_runs_out(expr: Expr, limit: int = 64) -> bool:
    """Whether infinitely many texts begin with any beginning of a text: False also where that
    takes long to tell.
    """
    return goes_on_for_ever(expr) or every_state_goes_on(expr, limit)


def every_state_goes_on(expr: Expr, limit: int) -> bool:
    """The same by looking at states: of finitely many live ones, each begins infinitely many texts when all go on."""
    seen, work = {expr}, [expr]
    while work:
        behind = {target for _, target in live_transitions(work.pop())}
        work.extend(behind - seen)
        seen |= behind
        if not behind or len(seen) > limit:
            return False
    return True


def _exceeded(message: str, limit: int) -> LimitExceeded:
    return LimitExceeded(message, limit="states", value=limit)


def _decide(expr: Expr, limit: int) -> None:
    """Settles `_empty` of a node: greedily towards the nodes that promise the shortest rest."""
    parents: dict[Expr, Expr | None] = {expr: None}
    queue = [(0, 0, expr)]
    while queue:
        node = heappop(queue)[2]
        if len(parents) > limit:
            raise _exceeded("too many states to decide whether a language is empty", limit)
        for target in _successors(node):
            if target in parents:
                continue
            parents[target] = node
            if target._empty is False:
                _mark_path(target, parents)
                return
            if target._empty is None:
                # N.B. the count breaks ties towards the newest, so that the search dives.
                heappush(queue, (_promise(target), -len(parents), target))
    for node in parents:
        node._empty = True


def _mark_path(node: Expr | None, parents: dict[Expr, Expr | None]) -> None:
    while node is not None:
        node._empty = False
        node = parents[node]


def _promise(node: Expr) -> int:
    """What seems left to do: the obligations of an intersection add up."""
    if type(node) is Intersect:
        return sum(member.min_length for member in node.members)
    return node.min_length


def _successors(node: Expr) -> Iterable[Expr]:
    """Nodes of which one must be non-empty for `node`, which is not nullable, to be non-empty."""
    if type(node) is Alternate:
        return node.members
    # N.B. an `is_empty` of a part would not end: behind a knot, a part may lead back to the node itself.
    if type(node) is Concat and node.head.plain:
        return (node.tail,)
    if type(node) is Concat and node.tail.plain:
        return (node.head,)
    if type(node) is Repeat:
        return (node.body,)
    if type(node) is Intersect:
        reduced = filtered_words(node)
        if reduced is not None:
            return (reduced,)
    return (target for _, target in transitions(node))


def _settled(node: Expr) -> bool:
    """Whether `_least` and `_spelled` know all about a node."""
    return node.exact or (type(node) is Leaf and is_measured(node.machine))


def _least(node: Expr) -> int:
    """A lower bound of the length of a text of a node, attained where the node is settled."""
    if type(node) is Leaf and is_measured(node.machine):
        return node.machine.shortest_length(node.state)
    return node.min_length


def _spelled(expr: Expr) -> str:
    """A shortest text of a settled node, read off its shape."""
    if type(expr) is Leaf and is_measured(expr.machine):
        return expr.machine.shortest(expr.state)
    if expr.min_length > _LONGEST_WITNESS:
        raise _exceeded("the shortest text is too long to write out", _LONGEST_WITNESS)
    pieces = []
    pending = [expr]
    while pending:
        node = pending.pop()
        if type(node) is Chars:
            pieces.append(node.set.example())
        elif type(node) is Text:
            pieces.append(node.text)
        elif type(node) is Words:
            pieces.append(min(node.table.words[node.low : node.high], key=len)[node.depth :])
        elif type(node) is Concat:
            pending += (node.tail, node.head)
        elif type(node) is Alternate:
            pending.append(min(node.members, key=_min_length))
        elif type(node) is Repeat and node.low == 1:
            pending.append(node.body)
        elif type(node) is Repeat and node.low > 1:
            # Each such level doubles the text at least, so this recursion is never deep.
            pieces.append(_spelled(node.body) * node.low)
    return "".join(pieces)


def _min_length(node: Expr) -> int:
    return node.min_length


def _searched(expr: Expr, limit: int) -> str:
    """A shortest text by A*: `_least` never says more than what is left."""
    starts = [part for part in _alternatives(expr) if not is_empty(part, limit)]
    arrived: _Arrivals = dict.fromkeys(starts, (None, "", expr, 0))
    count = itertools.count()
    queue = [(_least(part), next(count), 0, part) for part in starts]
    heapify(queue)
    while queue:
        _, _, length, node = heappop(queue)
        if length > arrived[node][3]:
            continue
        if node.nullable or _settled(node):
            rest = _spelled_or_empty(node)
            return _path_to(node, arrived, len(rest)) + rest
        if len(arrived) > limit:
            raise _exceeded("too many states to find a shortest text", limit)
        for charset, target in live_transitions(node, limit):
            for part in _alternatives(target):
                # A part may be met anew on a shorter way: what is found first is near the end, not the start.
                if (part not in arrived or length + 1 < arrived[part][3]) and not is_empty(part, limit):
                    arrived[part] = (node, charset.example(), target, length + 1)
                    heappush(queue, (length + 1 + _least(part), next(count), length + 1, part))
    raise AssertionError("a language that is not empty has a shortest text")


def _spelled_or_empty(node: Expr) -> str:
    return "" if node.nullable else _spelled(node)


def _alternatives(node: Expr) -> tuple[Expr, ...]:
    return node.members if type(node) is Alternate else (node,)


def _path_to(node: Expr | None, arrived: _Arrivals, left: int) -> str:
    """The characters in front of `node`, behind which `left` more come.

    What is left of a shortest text is a shortest text of what it leads through: that is noted there, so that a search
    from each state of a long text in turn does not go to its end each time.
    """
    characters = []
    while node is not None:
        before, character, whole, _ = arrived[node]
        node._least = whole._least = left
        left += 1
        characters.append(character)
        node = before
    return "".join(reversed(characters))


def _longest_path(expr: Expr, limit: int) -> int | None:
    """Depth-first over live states; a cycle of live states means that there is no bound."""
    if type(expr) is Complement and expr.body.max_length is not None:
        return None
    try:
        if is_empty(expr):
            return 0
        return _walk_depths(expr, limit)
    except LimitExceeded:
        return expr.max_length


def _walk_depths(start: Expr, limit: int) -> int | None:
    depths: dict[Expr, int] = {}
    open_nodes: set[Expr] = set()
    pending = [start]
    while pending:
        node = pending[-1]
        if node in depths:
            pending.pop()
            continue
        if node.exact:
            if node.max_length is None:
                return None
            depths[node] = node.max_length
            continue
        targets = {part for _, target in live_transitions(node) for part in _alternatives(target)}
        targets = {part for part in targets if not is_empty(part)}
        if node in open_nodes:
            depths[node] = max((depths[part] + 1 for part in targets), default=0)
            open_nodes.discard(node)
            continue
        open_nodes.add(node)
        if not open_nodes.isdisjoint(targets):
            return None
        if len(open_nodes) + len(depths) > limit:
            raise _exceeded("too many states to find the longest text", limit)
        pending.extend(part for part in targets if part not in depths)
    return depths[start]
