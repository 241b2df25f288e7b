"""How big a grammar gets when lark unfolds its operators, and what keeps that small without changing the
language.

Lark multiplies out: an alternative with k optional parts becomes 2^k productions, `("a"|"b")~30` becomes
2^30; terminals inside of terminals are pasted as text; a template may ask for ever larger instances of
itself. Here each is counted before lark does it. Alternatives that would become more than PRODUCTIONS get
names for their inner choices, which have no multiplying out; the rest is refused. What lark can unfold is
left as it is, so its parser states stay lark's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.frontends.grammars.grammar_text import GrammarText

if TYPE_CHECKING:
    from lark.load_grammar import Grammar

#: Productions that one alternative may become.
PRODUCTIONS = 1_000
#: Names, strings and patterns of one terminal with all terminals inside of it.
TERMINAL_NODES = 20_000
#: Instances of templates.
INSTANCES = 5_000


def check_terminals(text: GrammarText) -> None:
    """Sizes of terminals with all terminals that they are made of; lark pastes these in, one copy for each use.

    On the text, because lark's loading is what takes exponential time.
    """
    uses = _terminals_inside(text)
    sizes: dict[str, int] = {}
    open_: set[str] = set()
    pending = [(name, False) for name in reversed(uses)]
    while pending:
        name, done = pending.pop()
        if done:
            open_.discard(name)
            sizes[name] = sum(sizes.get(used, 1) for used in uses[name]) + 1
            if sizes[name] > TERMINAL_NODES:
                raise LimitExceeded(
                    f"terminal {name} is too big with all terminals that it is made of",
                    limit="TERMINAL_NODES", value=TERMINAL_NODES, where=text.of_name(name),
                )  # fmt: skip
        elif name in open_:
            raise InvalidConstraint(f"terminal {name} is made of itself", where=text.of_name(name))
        elif name not in sizes:
            open_.add(name)
            pending.append((name, True))
            pending.extend((used, False) for used in dict.fromkeys(uses[name]) if used in uses)


def _terminals_inside(text: GrammarText) -> dict[str, list[str]]:
    """The tokens of each terminal's definition: names, strings, patterns."""
    starts = {offset: name for name, offset in text.definitions.items()}
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for token in text.tokens:
        if token.kind == "directive":
            current = []
        elif token.offset in starts:
            current = []
            if starts[token.offset].isupper():
                found[token.text] = current
        elif token.kind in {"name", "string", "regexp"}:
            current.append(token.text)
    return found


def check_templates(grammar: Grammar, text: GrammarText) -> None:
    """Every instance that lark will make of a template, by name; LimitExceeded where there is no end to them."""
    templates = {name: (params, tree) for name, params, tree, _ in grammar.rule_defs if params}
    seen: set[str] = set()
    pending: list[tuple[str, tuple[str, ...]]] = []

    def name_of(node: Any, values: dict[str, str]) -> str:
        if node.data == "value":
            (inner,) = node.children
            return values.get(inner.name, inner.name) if hasattr(inner, "name") else name_of(inner, values)
        if node.data != "template_usage":
            return repr(node)  # a literal: any name that is its own will do
        head = values.get(node.children[0].name, node.children[0].name)
        arguments = tuple(argument_name(argument, values) for argument in node.children[1:])
        instance = f"{head}{{{','.join(arguments)}}}"
        if instance not in seen and head in templates:
            seen.add(instance)
            if len(seen) > INSTANCES or len(instance) > INSTANCES:
                raise LimitExceeded(
                    f"template {head} asks for instances without end",
                    limit="INSTANCES", value=INSTANCES, where=text.of_name(head),
                )  # fmt: skip
            pending.append((head, arguments))
        return instance

    def argument_name(node: Any, values: dict[str, str]) -> str:
        return name_of(node, values) if hasattr(node, "data") else values.get(node.name, node.name)

    def visit(tree: Any, values: dict[str, str]) -> None:
        for usage in tree.find_data("template_usage"):
            name_of(usage, values)

    for _, params, tree, _ in grammar.rule_defs:
        if not params:
            visit(tree, {})
    while pending:
        head, arguments = pending.pop()
        params, tree = templates[head]
        visit(tree, dict(zip(params, arguments, strict=False)))


def name_inner_choices(grammar: Grammar, text: GrammarText) -> None:
    """Give names to choices inside of alternatives that would become more than PRODUCTIONS productions."""
    naming = _Naming()
    for name, params, tree, _ in list(grammar.rule_defs):
        before = len(naming.rules)
        count = naming.settle(tree)
        if params and len(naming.rules) > before:
            raise LimitExceeded(
                f"template {name} has too many optional parts in one alternative",
                limit="PRODUCTIONS", value=PRODUCTIONS, where=text.of_name(name),
            )  # fmt: skip
        if count > PRODUCTIONS * 100:
            raise LimitExceeded(
                f"rule {name} has too many alternatives",
                limit="PRODUCTIONS", value=PRODUCTIONS, where=text.of_name(name),
            )  # fmt: skip
    grammar.rule_defs.extend(naming.rules)


class _Naming:
    """Counts what a tree of lark's grammar language unfolds to, bottom up, and names what is too much."""

    def __init__(self) -> None:
        #: In the form of Grammar.rule_defs.
        self.rules: list[Any] = []

    def settle(self, tree: Any) -> int:
        """The number of productions of a tree, after naming inside of it."""
        if not hasattr(tree, "children"):
            return 1
        counts = [self.settle(child) for child in tree.children]
        match tree.data:
            case "expansions":
                return sum(counts)
            case "expansion":
                return self._product(tree, counts)
            case "maybe":
                return counts[0] + 1
            case "expr":
                return self._operator(tree, counts[0])
            case "alias":
                return counts[0]
            case _:
                return 1

    def _product(self, tree: Any, counts: list[int]) -> int:
        product = 1
        for count in counts:
            product *= count
        while product > PRODUCTIONS and max(counts) > 1:
            biggest = counts.index(max(counts))
            self._name(tree, biggest)
            product //= counts[biggest]
            counts[biggest] = 1
        return product

    def _operator(self, tree: Any, count: int) -> int:
        operator, *numbers = (str(child) for child in tree.children[1:])
        if operator == "?":
            return count + 1
        if operator != "~":
            return 2 if operator == "*" else 1
        low, high = int(numbers[0]), int(numbers[-1])
        if count > 1 and (high >= 50 or count**high > PRODUCTIONS):
            self._name(tree, 0)
            count = 1
        # From 50 on lark factors a repetition into rules of a few productions each.
        return sum(count**times for times in range(low, high + 1)) if 0 <= low <= high < 50 else 1

    def _name(self, tree: Any, index: int) -> None:
        from lark.grammar import NonTerminal, RuleOptions
        from lark.tree import Tree

        name = f"__choice_{len(self.rules)}"
        body = tree.children[index]
        if body.data != "expansions":
            body = Tree("expansions", [Tree("expansion", [body])])
        self.rules.append((name, (), body, RuleOptions()))
        tree.children[index] = Tree("value", [NonTerminal(name)])
