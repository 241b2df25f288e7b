"""Random texts of a grammar, and texts that are nearly of it.

In: lark's own compiled rules and terminals of a parser. Out: derivations, chosen from the start rule on; past a
budget of expansions the shortest way to an end is taken. A terminal is a random text of its pattern, drawn from the
tree that `re` parses it to and kept if `re` matches it. Where the grammar ignores something, it stands between some
lexemes, and sometimes nothing does, so that lexemes run together. Nothing here promises that a text is one of the
language: the judges say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import lark

try:
    from re import _parser as sre  # type: ignore[attr-defined]
except ImportError:
    import sre_parse as sre  # Python 3.10

#: What stands for characters of which a pattern says only what they are not.
ALPHABET = "abcxyzABZ0129_ \t\n.-+*/'\"\\éλ🎈(){}[]<>&;:,=#$@!?%|^~`"
ENDLESS = 1 << 30


@dataclass(frozen=True)
class Texts:
    """Random texts around one grammar. `budget`: expansions of rules before a derivation hurries to its end."""

    parser: lark.Lark
    budget: int = 40
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def derivations(self, longest: int) -> Iterator[str]:
        """Different texts of at most this many characters; without end, so of an infinite language."""
        seen = set()
        while True:
            text = self.written(self.lexemes())
            if len(text) <= longest and text not in seen:
                seen.add(text)
                yield text

    def mutants(self, longest: int) -> Iterator[str]:
        """Derivations with one to three small wounds."""
        for text in self.derivations(longest):
            for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
                text = self._wounded(text)
            yield text[:longest]

    def lexemes(self) -> list[str]:
        """The terminals of one derivation, in order."""
        left = self.rng.randrange(self.budget)
        found: list[str] = []
        stack: list[Any] = [lark.grammar.NonTerminal(self.parser.options.start[0])]
        while stack:
            symbol = stack.pop()
            if symbol.is_term:
                found.append(self._drawn(symbol.name))
                continue
            left -= 1
            stack += reversed(self._body(symbol.name, hurried=left <= 0))
        return found

    def written(self, lexemes: list[str]) -> str:
        """Lexemes in a row, with what is ignored between some of them."""
        ignored = self.parser.ignore_tokens
        if not ignored or not lexemes:
            return "".join(lexemes)
        text = lexemes[0]
        apart = self.rng.choice([1, 1, 0.95, 0.5])
        for lexeme in lexemes[1:]:
            between = self._drawn(self.rng.choice(ignored)) if self.rng.random() < 0.1 else " "
            # A comment may reach to the end of its line.
            between += "" if between.isspace() else "\n"
            text += (between if self.rng.random() < apart else "") + lexeme
        return text

    def _body(self, rule: str, *, hurried: bool) -> list[Any]:
        bodies = self._bodies[rule]
        if hurried:
            least = min(height for height, _ in bodies)
            return self.rng.choice([body for height, body in bodies if height == least])
        # Of two the one that is the longer way to the end: otherwise most texts were a single lexeme.
        return max(self.rng.choices(bodies, k=self.rng.choice([1, 2])), key=lambda known: known[0])[1]

    @cached_property
    def _bodies(self) -> dict[str, list[tuple[int, list[Any]]]]:
        """Of every rule the bodies and how flat they can be derived: a fixed point from above."""
        rules: dict[str, list[list[Any]]] = {}
        for rule in self.parser.rules:
            rules.setdefault(rule.origin.name, []).append(rule.expansion)
        heights = dict.fromkeys(rules, ENDLESS)

        def height(body: list[Any]) -> int:
            return 1 + max((heights.get(symbol.name, 0) for symbol in body), default=0)

        changed = True
        while changed:
            found = {name: min(map(height, bodies)) for name, bodies in rules.items()}
            changed, heights = found != heights, found
        return {name: [(height(body), body) for body in bodies] for name, bodies in rules.items()}

    @cached_property
    def _samplers(self) -> dict[str, Callable[[], str]]:
        return {one.name: self._sampler(one.pattern.to_regexp()) for one in self.parser.terminals}

    def _drawn(self, terminal: str) -> str:
        return self._samplers[terminal]()

    def _sampler(self, pattern: str) -> Callable[[], str]:
        tree, compiled = sre.parse(pattern), re.compile(pattern)

        def drawn() -> str:
            text = ""
            # Lookarounds and flags are left to the trial; after that many the judges get what is nearly a lexeme.
            for _ in range(50):
                text = self._of_sequence(tree)
                if compiled.fullmatch(text):
                    break
            return text

        return drawn

    def _of_sequence(self, items: Any) -> str:
        return "".join(self._of_item(str(kind), value) for kind, value in items)

    def _of_item(self, kind: str, value: Any) -> str:
        match kind:
            case "LITERAL":
                return chr(value)
            case "NOT_LITERAL" | "ANY":
                return self.rng.choice(ALPHABET)
            case "IN":
                return self._of_set(value)
            case "BRANCH":
                return self._of_sequence(self.rng.choice(value[1]))
            case "SUBPATTERN":
                return self._of_sequence(value[-1])
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, items = value
                count = self.rng.randint(least, min(int(most), least + self.rng.choice([0, 1, 1, 2, 4])))
                return "".join(self._of_sequence(items) for _ in range(count))
            case "ASSERT" | "ASSERT_NOT" | "AT":
                return ""
        raise NotImplementedError(kind)

    def _of_set(self, items: Any) -> str:
        if str(items[0][0]) == "NEGATE" or any(str(kind) == "CATEGORY" for kind, _ in items):
            return self.rng.choice(ALPHABET)  # the trial finds out
        kind, value = self.rng.choice(items)
        return chr(value if str(kind) == "LITERAL" else self.rng.randint(*value))

    def _wounded(self, text: str) -> str:
        start = self.rng.randrange(len(text) + 1)
        end = min(len(text), start + self.rng.choice([1, 1, 2, 5]))
        match self.rng.randrange(5):
            case 0:
                return text[:start] + text[end:]
            case 1:
                return text[:end] + text[start:]
            case 2:
                return text[:start] + self.rng.choice(ALPHABET) + text[end:]
            case 3:
                return text[:start] + self._drawn(self.rng.choice(self.parser.terminals).name) + text[start:]
            case _:
                return text[:start] + text[end : end + 1] + text[start:end] + text[end + 1 :]
