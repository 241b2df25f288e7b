"""What the rules of a context-free grammar can do: which are reached from the start, which end, which may be
empty.

Fixed points by counting: each production waits for the symbols of its body and is looked at once for each of
them, so a pass is linear in the size of the grammar (Knuth, "A generalization of Dijkstra's algorithm", 1977,
without weights).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from treadle.grammar.cfg import Cfg


def reachable(cfg: Cfg) -> frozenset[int]:
    """Symbols that some sequence of rewritings of the start has; the start itself as well."""
    bodies: dict[int, set[int]] = defaultdict(set)
    for production in cfg.productions:
        bodies[production.head].update(production.body)
    seen = {cfg.start}
    pending = [cfg.start]
    while pending:
        fresh = bodies[pending.pop()] - seen
        seen |= fresh
        pending.extend(fresh)
    return frozenset(seen)


def productive(cfg: Cfg) -> frozenset[int]:
    """Symbols that some text can be written for. A declared terminal has none, unless the post-lexer brings it."""
    posted = {cfg.indentation.indent, cfg.indentation.dedent} if cfg.indentation else set()
    absent = cfg.declared - posted
    return _closed(cfg, (one for one in range(len(cfg.terminals)) if one not in absent))


def nullable(cfg: Cfg) -> frozenset[int]:
    """Rules that may be empty. Terminals never are."""
    return _closed(cfg, ())


def _closed(cfg: Cfg, start: Iterable[int]) -> frozenset[int]:
    """The least set with `start` that has the head of each production of whose body it has every symbol."""
    found = set(start)
    waiting: dict[int, list[int]] = defaultdict(list)
    missing = []
    pending = list(found)
    for index, production in enumerate(cfg.productions):
        missing.append(len(production.body))
        for symbol in production.body:
            waiting[symbol].append(index)
        if not production.body and production.head not in found:
            found.add(production.head)
            pending.append(production.head)
    while pending:
        for index in waiting[pending.pop()]:
            missing[index] -= 1
            head = cfg.productions[index].head
            if not missing[index] and head not in found:
                found.add(head)
                pending.append(head)
    return frozenset(found)
