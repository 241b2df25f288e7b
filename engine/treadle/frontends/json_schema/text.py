"""How JSON values are written: goals of the schema algebra -> rules.

In: a goal (what a value must satisfy) and the policies of writing. Out: a rule node; every value, object state and
array state is a `Call` keyed by its interned algebra object, so unfolding follows what a generation visits and equal
residuals share their positions. Punctuation and white space live here and nowhere else (RFC 8259).

White space, between lexemes only (never before or behind the document, except in "any"):
    flexible  nothing, one space, or a newline and its indentation; covers json.dumps with and without indent
    compact   nothing
    python    one space behind each comma and colon, as json.dumps writes by default
    any       whatever RFC 8259 allows, at the ends of the document too
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from treadle.frontends.json_schema.plain_object import PlainObject, plain_object
from treadle.frontends.json_schema.values import read_value
from treadle.grammar import rules
from treadle.grammar.emptiness import shortest_length
from treadle.grammar.expression import NOTHING

if TYPE_CHECKING:
    from treadle.frontends.json_schema.array_state import ArrayState
    from treadle.frontends.json_schema.formula import Formula as Goal
    from treadle.frontends.json_schema.object_state import ObjectState

Whitespace = Literal["flexible", "compact", "python", "any"]
Escapes = Literal["canonical", "any"]

#: Columns of indentation that "flexible" always allows; deeper nesting allows eight for each level.
INDENT: Final = 64
_SPACE = rules.Literal(b" ")


@dataclass(frozen=True)
class Writer:
    """Rules for JSON texts under fixed policies."""

    whitespace: Whitespace = "flexible"
    escapes: Escapes = "any"

    def document(self, goal: Goal) -> rules.Node:
        """The whole text."""
        if self.whitespace == "any":
            return rules.Sequence((self._gap(), self.value(goal), self._gap()))
        return self.value(goal)

    def value(self, goal: Goal) -> rules.Call:
        shared = goal.shared
        key = ("value", goal) if shared is None else ("value", self, shared)
        return rules.Call(key, lambda: self._alternatives(goal), least=goal.min_bytes())

    def _alternatives(self, goal: Goal) -> rules.Node:
        cases = goal.cases()
        options: list[rules.Node] = []
        for allowed, word in ((cases.null, b"null"), (cases.true, b"true"), (cases.false, b"false")):
            if allowed:
                options.append(rules.Literal(word))
        if cases.number is not NOTHING:
            options.append(rules.Text(cases.number))
        for string in cases.strings:
            quoted = rules.Quoted(string.language, string.min_length, string.max_length, self._canonical)
            options.append(rules.Sequence((rules.Literal(b'"'), quoted)))
        options += [self._array(state) for state in cases.arrays]
        options += [self._object(state) for state in cases.objects]
        return rules.Choice(tuple(options))

    @property
    def _canonical(self) -> bool:
        return self.escapes == "canonical"

    # -- white space -------------------------------------------------------------------------------

    def _gap(self) -> rules.Node:
        """Between a bracket, comma or value and what comes next, where no separator asks for a space."""
        if self.whitespace == "flexible":
            return rules.Space(INDENT)
        return rules.Space(None) if self.whitespace == "any" else rules.EMPTY

    def _behind_separator(self) -> rules.Node:
        return _SPACE if self.whitespace == "python" else self._gap()

    def _before_colon(self) -> rules.Node:
        return self._gap()

    # -- arrays ------------------------------------------------------------------------------------

    def _array(self, state: ArrayState) -> rules.Node:
        options: list[rules.Node] = [rules.Literal(b"]")] if state.can_close else []
        options += self._items(state)
        return rules.Sequence((rules.Literal(b"["), self._gap(), rules.Choice(tuple(options))))

    def _items(self, state: ArrayState) -> list[rules.Node]:
        return [self._item(goal, after) for goal, after in state.next()]

    def _item(self, goal: Goal, after: ArrayState) -> rules.Node:
        if not after.needs_item_value:
            return rules.Sequence((self.value(goal), self._array_rest(after)))

        def told(text: bytes | None) -> rules.Node:
            known = after.forget() if text is None else after.remember(read_value(text))
            return self._array_rest(known)

        return rules.Recorded(self.value(goal), told, after.min_bytes())

    def _array_rest(self, state: ArrayState) -> rules.Call:
        return rules.Call(("array", state), lambda: self._after_item(state), least=state.min_bytes())

    def _after_item(self, state: ArrayState) -> rules.Node:
        options: list[rules.Node] = [rules.Literal(b"]")] if state.can_close else []
        items = self._items(state)
        if items:
            more = rules.Call(("items", state), lambda: rules.Choice(tuple(items)))
            options.append(rules.Sequence((rules.Literal(b","), self._behind_separator(), more)))
        return rules.Sequence((self._gap(), rules.Choice(tuple(options))))

    # -- objects -----------------------------------------------------------------------------------

    def _object(self, state: ObjectState) -> rules.Node:
        inside = rules.Call(("inside", state), lambda: self._inside(state), least=state.min_bytes())
        return rules.Sequence((rules.Literal(b"{"), inside))

    def _inside(self, state: ObjectState) -> rules.Node:
        plain = plain_object(state)
        return self._plain(plain, begun=False) if plain else self._first_member(state)

    def _plain(self, plain: PlainObject, begun: bool) -> rules.Node:
        """An object whose members ask the same whenever they come: the automaton keeps count of them."""
        return rules.Object(
            key=plain.key,
            members=plain.members,
            after=lambda name: self._named(self.value(plain.goal(name))),
            others=tuple(other.language for other in plain.others),
            after_other=lambda label: self._named(self.value(plain.other_goal(label))),
            total=plain.total,
            ordered=plain.ordered,
            low=plain.low,
            high=plain.high,
            fill=plain.fill,
            gone=plain.gone,
            first_rank=plain.first_rank,
            begun=begun,
            gap=self._gap(),
            behind_comma=self._behind_separator(),
            canonical=self._canonical,
            least=plain.least,
        )

    def _first_member(self, state: ObjectState) -> rules.Node:
        options: list[rules.Node] = [rules.Literal(b"}")] if state.can_close else []
        if state.can_continue:
            options.append(rules.Sequence((rules.Literal(b'"'), self._names(state))))
        return rules.Sequence((self._gap(), rules.Choice(tuple(options))))

    def _object_rest(self, state: ObjectState) -> rules.Call:
        return rules.Call(("object", state), lambda: self._after_member(state), least=_least(state))

    def _after_member(self, state: ObjectState) -> rules.Node:
        plain = plain_object(state)
        if plain:
            return self._plain(plain, begun=True)
        options: list[rules.Node] = [rules.Literal(b"}")] if state.can_close else []
        if state.can_continue:
            member = rules.Sequence((rules.Literal(b'"'), self._names(state)))
            options.append(rules.Sequence((rules.Literal(b","), self._behind_separator(), member)))
        return rules.Sequence((self._gap(), rules.Choice(tuple(options))))

    def _names(self, state: ObjectState) -> rules.Node:
        others = state.others
        return rules.Names(
            names=tuple(sorted(state.forbidden.union(state.names))),
            allowed=frozenset(state.names),
            after=lambda name: self._member(state.member(name)),
            others=tuple(other.language for other in others),
            after_other=lambda index, name: self._member(state.other(others[index], name)),
            canonical=self._canonical,
            # Quote, colon, a byte of a value and a bracket are the least behind any name.
            least=max(_least(state) - 2, 4),
        )

    def _member(self, ways: tuple[tuple[Goal, ObjectState], ...]) -> rules.Node:
        """Behind a name: colon, value, and the rest of the object, for every way to go on."""
        values = tuple(rules.Sequence((self.value(goal), self._object_rest(after))) for goal, after in ways)
        return self._named(rules.Choice(values))

    def _named(self, value: rules.Node) -> rules.Node:
        """Behind a name: colon and value."""
        return rules.Sequence((self._before_colon(), rules.Literal(b":"), self._behind_separator(), value))


def _least(state: ObjectState) -> int:
    """Least bytes to the end of an object, with the name that has to come next where it can only be an unlisted one."""
    least = state.min_bytes()
    if not state.can_close and not state.names and state.others:
        least += min(shortest_length(other.language) for other in state.others)
    return least
