"""The slow, obvious twin of automata/object_kernels.py: an `Object` spelled out as choices, names and calls.

In: a `rules.Object`. Out: the same language without it. What was written is kept as it is: the names in a set, and
every question is asked of that set and the members anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.grammar import rules


@dataclass(frozen=True)
class Written:
    """The names of the members so far; in an ordered object the first rank that may come."""

    names: frozenset[str]
    count: int
    rank: int


def spelled_out(node: rules.Object) -> rules.Node:
    return _Spelling(node).start()


class _Spelling:
    def __init__(self, node: rules.Object) -> None:
        self.node = node
        self.members = {member.name: member for member in node.members}

    def start(self) -> rules.Node:
        written = Written(self.node.gone, 0, self.node.first_rank)
        return self._rest(written) if self.node.begun else self._end_or(written, rules.EMPTY)

    def _rest(self, written: Written) -> rules.Node:
        return self._end_or(written, rules.Sequence((rules.Literal(b","), self.node.behind_comma)))

    def _end_or(self, written: Written, separator: rules.Node) -> rules.Node:
        options = [rules.Literal(b"}")] if self._can_close(written) else []
        allowed = frozenset(name for name in self.members if self._allowed(written, name))
        others = self.node.others if self._others(written) else ()
        if allowed or others:
            names = rules.Names(
                names=tuple(sorted({*self.members, *written.names})),
                allowed=allowed,
                after=lambda name: self._member(self.node.after(name), self._behind(written, name)),
                others=others,
                after_other=lambda label, name: self._other(written, label, name),
                canonical=self.node.canonical,
            )
            options.append(rules.Sequence((separator, rules.Literal(b'"'), names)))
        return rules.Sequence((self.node.gap, rules.Choice(tuple(options))))

    def _member(self, value: rules.Node, written: Written) -> rules.Node:
        rest = rules.Call(("spelled out", id(self.node), written), lambda: self._rest(written))
        return rules.Sequence((value, rest))

    def _other(self, written: Written, label: int, name: str | None) -> rules.Node:
        assert self.node.after_other is not None
        names = written.names if name is None else written.names | {name}
        rank = len(self.members) if self.node.ordered else written.rank
        return self._member(self.node.after_other(label), Written(names, written.count + 1, rank))

    def _behind(self, written: Written, name: str) -> Written:
        rank = self.members[name].rank + 1 if self.node.ordered else written.rank
        return Written(written.names | {name}, written.count + 1, rank)

    def _missing(self, written: Written) -> list[rules.Member]:
        return [m for m in self.node.members if m.required and m.name not in written.names]

    def _can_close(self, written: Written) -> bool:
        return not self._missing(written) and written.count >= self.node.low

    def _has_room(self, written: Written) -> bool:
        high = self.node.high
        return high is None or high - written.count > len(self._missing(written))

    def _others(self, written: Written) -> bool:
        return self._has_room(written) and not (self.node.ordered and self._missing(written))

    def _allowed(self, written: Written, name: str) -> bool:
        member = self.members[name]
        if not member.usable or name in written.names or not (member.required or self._has_room(written)):
            return False
        if not self.node.ordered:
            return True
        next_required = min((m.rank for m in self._missing(written)), default=len(self.members))
        return written.rank <= member.rank <= next_required
