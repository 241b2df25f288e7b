"""Random JSON Schemas of any draft over all its keywords together, and random values that some of them accept.

In: a `random.Random`, so that a failure names the seed that shows it again. Small on purpose: two levels of most
keywords meet more often than ten levels of a few. Only what `oracles.schema_judge` judges exactly is drawn: multiples
are fractions, patterns come from its table, and a schema is applied again to the value that it is applied to only
behind a member or an item, since anything else means nothing and crashes the judge.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from oracles.schema_judge import FORMATS, PATTERNS

Schema = Any
Found = dict[str, Any]

URIS = {
    3: "http://json-schema.org/draft-03/schema#",
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
ROOT = "http://example.com/root.json"
NAMES = ("a", "b", "c", "dd", "x1", "é", "x y", "")
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
STRINGS = ("", "a", "b", "ab", "abc", "é", "日本", "😀", "a\nb", 'q"', "x1", "\\/", "dd")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 1.0, 2, 3, -1, 0.5, 2.5, 10, 1e3, *STRINGS),
    *([], [1], [1, 2], [1, 1], ["a"], [True], [[]]),
    *({}, {"a": 1}, {"a": "a"}, {"b": 2}, {"a": 1, "b": 2}, {"c": None}),
)
BOUNDS = (-20, -1, 0, 1, 2, 2.5, 10)
COUNTS = (0, 1, 2, 3)


def random_schema(rng: random.Random) -> Found:
    """A document of draft 2020-12."""
    return Drawer(rng, 2020).document()


def random_value(rng: random.Random, depth: int = 2) -> Any:
    """A value that has a chance to be valid."""
    chance = rng.random()
    if depth <= 0 or chance < 0.45:
        return rng.choice(rng.choice((VALUES, VALUES, STRINGS, [rng.randint(-25, 50)], _EXAMPLES)))
    if chance < 0.7:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    names = rng.sample([*NAMES, "zz", "ab"], rng.randint(0, 4))
    return {name: random_value(rng, depth - 1) for name in names}


_EXAMPLES = tuple(text for texts in FORMATS.values() for text in texts)


def mutated(rng: random.Random, value: Any) -> Any:
    """A value near to this one: one thing in it dropped, doubled, added or replaced."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(sorted(value))
        rest = {key: member for key, member in value.items() if key != name}
        kept = rng.choice(("drop", "rename", "inside", "inside", "add"))
        if kept == "add":
            return {**value, rng.choice(NAMES): random_value(rng, 1)}
        if kept == "drop":
            return rest
        return {**rest, rng.choice(NAMES): value[name]} if kept == "rename" else {
            **value, name: mutated(rng, value[name])
        }  # fmt: skip
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return rng.choice((
            [*value[:at], *value[at + 1 :]],
            [*value, value[at]],
            [*value[:at], mutated(rng, value[at]), *value[at + 1 :]],
            [*value, random_value(rng, 1)],
        ))  # fmt: skip
    if isinstance(value, str) and value and rng.random() < 0.6:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice(("", "a", "b1")) + value[at + 1 :]
    if type(value) in (int, float) and rng.random() < 0.6:
        return value + rng.choice((1, -1, 0.5))
    return random_value(rng, 1)


class Drawer:
    """Draws one document of one draft."""

    def __init__(self, rng: random.Random, draft: int) -> None:
        self.rng = rng
        self.draft = draft
        #: Without `$schema` 2020-12 is meant, and keywords that it does not have are read as the older drafts do.
        self.named = draft != 2020 or self.chance(0.8)
        #: Whether the root and some definitions have identifiers, so that references may be absolute.
        self.identified = self.chance(0.3)
        # `referencing`, which both sides ask, takes `extends` for an array where it looks for identifiers.
        self.pointers_only = draft == 3 and self.chance(0.6)
        self.identified = self.identified and not self.pointers_only
        self.dynamic = draft >= 2019 and self.chance(0.3)
        # The judge takes items that `contains` accepts as evaluated in 2019-09 too, which the draft does not say.
        self.contained = draft != 2019 or self.chance(0.5)
        #: References to what is defined already.
        self.targets: list[str] = []
        #: Whether what is drawn lies in a resource of its own.
        self.embedded = False
        self.families = self._families()

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def some(self, **choices: Iterable[Any]) -> Found:
        names = self.rng.sample(sorted(choices), self.rng.randint(1, min(2, len(choices))))
        return {name: self.rng.choice(tuple(choices[name])) for name in names}

    # -- the document ------------------------------------------------------------------------------

    def document(self) -> Found:
        key = "$defs" if self.draft >= 2019 and self.chance(0.7) else "definitions"
        definitions = {}
        for name, depth in (("d0", 1), ("d1", 2)):
            definitions[name], target = self._definition(name, depth, f"#/{key}/{name}")
            self.targets.append(target)
        top = self._standing(self.schema(3), self.identified)
        found: Found = {"$schema": URIS[self.draft]} if self.named else {}
        if self.identified:
            found[self._id] = ROOT
        return {**found, **self._anchors(), **top, key: definitions}

    @property
    def _id(self) -> str:
        return "$id" if self.draft > 4 else "id"

    def _standing(self, schema: Schema, identified: bool) -> Found:
        """As an object that can be given an identifier, which older drafts ignore beside a reference."""
        if isinstance(schema, bool):
            return {"allOf": [schema]}
        if identified and "$ref" in schema and self.draft < 2019:
            return {"extends" if self.draft == 3 else "allOf": [schema]}
        return schema

    def _anchors(self) -> Found:
        """What makes a resource a target of dynamic references; in such a document all of them have it."""
        if not self.dynamic:
            return {}
        return {"$dynamicAnchor": "node"} if self.draft == 2020 else {"$recursiveAnchor": self.chance(0.7)}

    def _definition(self, name: str, depth: int, pointer: str) -> tuple[Schema, str]:
        """A definition and a reference to it: a pointer, an anchor or an identifier."""
        way = self.rng.choice(("pointer", "anchor", "id" if self.identified else "pointer"))
        if way == "pointer" or self.pointers_only:
            return self.schema(depth), pointer
        if way == "anchor":
            own = {"$anchor": name} if self.draft >= 2019 else {self._id: f"#{name}"}
            return {**own, **self._standing(self.schema(depth), True)}, f"#{name}"
        self.embedded = True
        own = {self._id: f"http://example.com/{name}.json", **self._anchors()}
        found = {**own, **self._standing(self.schema(depth), True)}
        self.embedded = False
        return found, self.rng.choice((f"{name}.json", f"http://example.com/{name}.json"))

    def schema(self, depth: int) -> Schema:
        if depth <= 0 or self.chance(0.08):
            return self.leaf()
        found: Found = {}
        for family in self.rng.sample(self.families, self.rng.choice([1, 1, 2, 2, 3, 4])):
            found.update(family(depth - 1))
        return found

    def _families(self) -> list[Callable[[int], Found]]:
        found: list[Callable[[int], Found]] = [
            *(self.types, self.listed, self.number, self.string, self.format, self.array, self.array_counts),
            *(self.members, self.members, self.unique, self.reference, self.recursion, self.annotation),
            self.dependency,
        ]
        if self.draft == 3:
            found += [self.extends, self.disallow]
        if self.draft > 3:
            found += [self.counts, self.all_of, self.any_of, self.one_of, self.negation]
        if self.draft > 4:
            found.append(self.names)
        if self.draft > 4 and self.contained:
            found.append(self.contains)
        if self.draft > 6:
            found.append(self.condition)
        if self.draft >= 2019:
            found += [self.unevaluated, self.unevaluated]
        return found

    def leaf(self) -> Schema:
        chance = self.rng.random()
        if chance < 0.15 and self.draft > 4:
            return self.rng.choice([True, True, False])
        if chance < 0.4:
            return {"type": self.rng.choice(TYPES)}
        return self.listed(0) if chance < 0.65 else {}

    def subschemas(self, depth: int) -> list[Schema]:
        return [self.schema(depth) for _ in range(self.rng.randint(1, 3))]

    def or_false(self, depth: int) -> Schema:
        """For the two keywords that take booleans in every draft."""
        return self.rng.choice((True, False, False)) if self.chance(0.3) else self.schema(depth)

    # -- keywords of any value -----------------------------------------------------------------------

    def types(self, depth: int) -> Found:
        mixed: list[Any] = [["object", "null"], ["array", "string", "integer"], ["object", "array"]]
        if self.draft == 3:
            mixed += ["any", [self.schema(depth), self.rng.choice(TYPES)], ["null", self.schema(depth)]]
        return {"type": self.rng.choice([*TYPES, *mixed])}

    def listed(self, depth: int) -> Found:
        if self.draft > 4 and self.chance(0.3):
            return {"const": self.rng.choice(VALUES)}
        values = self.rng.sample(VALUES, self.rng.randint(1, 6))
        # Up to draft 4 the values of `enum` must differ, as the judge of schemas sees it.
        whole = [value for value in values if type(value) is int]
        return {"enum": [value for value in values if type(value) is not float or value not in whole]}

    def annotation(self, depth: int) -> Found:
        choices: dict[str, list[Any]] = {
            "nullable": [True, False], "discriminator": [{"propertyName": "a"}], "contentEncoding": ["base64"],
            "contentMediaType": ["application/json"], "contentSchema": [{"type": "array"}], "title": ["a title"],
            "default": [0], "examples": [[1]], "$comment": ["-"], "readOnly": [True], "unheardOf": [{"type": "null"}],
        }  # fmt: skip
        if self.draft >= 2019 and self.named:
            choices["dependencies"] = [{"a": ["zz"]}]
            choices["$vocabulary"] = [{"https://json-schema.org/draft/2020-12/vocab/core": True}]
        if self.draft == 2020 and self.named:
            choices["additionalItems"] = [False]
        return self.some(**choices)

    # -- strings and numbers ---------------------------------------------------------------------------

    def number(self, depth: int) -> Found:
        steps = (1, 2, 0.5, 3)
        if self.draft > 4:
            limits = {
                "minimum": BOUNDS,
                "maximum": BOUNDS,
                "exclusiveMinimum": BOUNDS,
                "exclusiveMaximum": BOUNDS,
            }
            return self.some(**limits, multipleOf=steps)
        if self.chance(0.3):
            return {"multipleOf" if self.draft == 4 else "divisibleBy": self.rng.choice(steps)}
        side = self.rng.choice(("Minimum", "Maximum"))
        exclusive = {f"exclusive{side}": self.chance(0.7)} if self.chance(0.6) else {}
        return {side.lower(): self.rng.choice(BOUNDS), **exclusive}

    def string(self, depth: int) -> Found:
        return self.some(minLength=COUNTS, maxLength=COUNTS, pattern=PATTERNS)

    def format(self, depth: int) -> Found:
        # The judge's checker of draft 3's `time` takes "1:2:3".
        left_out = ("time",) if self.draft == 3 else ("ip-address", "host-name", "color")
        return {
            "format": self.rng.choice([*(name for name in FORMATS if name not in left_out), "unheard-of"])
        }

    # -- arrays ----------------------------------------------------------------------------------------

    def array(self, depth: int) -> Found:
        prefix, rest = ("prefixItems", "items") if self.draft == 2020 else ("items", "additionalItems")
        if self.chance(0.4):
            return {"items": self._no_boolean(self.schema(depth))}
        found: Found = {prefix: self.subschemas(depth)[:2]}
        if self.chance(0.6):
            found[rest] = self.schema(depth) if rest == "items" else self.or_false(depth)
        return found

    def _no_boolean(self, schema: Schema) -> Schema:
        # The judge asks for the length of `items` where unevaluated items are to be found in 2019-09.
        return {"allOf": [schema]} if self.draft == 2019 and isinstance(schema, bool) else schema

    def array_counts(self, depth: int) -> Found:
        return self.some(minItems=COUNTS, maxItems=COUNTS)

    def contains(self, depth: int) -> Found:
        counts = self.some(minContains=(0, 1, 2), maxContains=(0, 1, 2)) if self.draft > 7 else {}
        return {"contains": self.schema(depth), **counts}

    def unique(self, depth: int) -> Found:
        return {"uniqueItems": self.chance(0.9)}

    # -- objects ---------------------------------------------------------------------------------------

    def members(self, depth: int) -> Found:
        found: Found = {}
        if self.chance(0.8):
            found["properties"] = self._properties(depth)
        if self.chance(0.3):
            patterns = self.rng.sample(sorted(PATTERNS), self.rng.randint(1, 2))
            found["patternProperties"] = {pattern: self.schema(depth) for pattern in patterns}
        if self.chance(0.4):
            found["additionalProperties"] = self.or_false(depth)
        if self.chance(0.4) and self.draft > 3:
            found["required"] = self.rng.sample(NAMES, self.rng.randint(1, 2))
        return found

    def _properties(self, depth: int) -> Found:
        found = {name: self.schema(depth) for name in self.rng.sample(NAMES, self.rng.randint(1, 3))}
        if self.draft == 3:
            return {
                name: {**schema, "required": self.chance(0.7)} if self.chance(0.4) else schema
                for name, schema in found.items()
            }
        return found

    def counts(self, depth: int) -> Found:
        return self.some(minProperties=(0, 1, 2), maxProperties=COUNTS)

    def names(self, depth: int) -> Found:
        return {"propertyNames": self.schema(depth)}

    def dependency(self, depth: int) -> Found:
        name, names = self.rng.choice(NAMES), self.rng.sample(NAMES, 1)
        by_schema = self.chance(0.5)
        if self.draft >= 2019:
            by = {"dependentSchemas": self.schema(depth)} if by_schema else {"dependentRequired": names}
            return {keyword: {name: needed} for keyword, needed in by.items()}
        if self.draft == 3 and self.chance(0.3):
            return {"dependencies": {name: names[0]}}
        return {"dependencies": {name: self.schema(depth) if by_schema else names}}

    def unevaluated(self, depth: int) -> Found:
        keywords = ["unevaluatedProperties"]
        if self.draft == 2020 or not self.contained:
            keywords.append("unevaluatedItems")
        beside = self.rng.choice((self.members, self.array, self.any_of, self.condition, self.reference))(
            depth
        )
        return {**beside, self.rng.choice(keywords): self.rng.choice([False, self.schema(depth)])}

    # -- subschemas for the same value -----------------------------------------------------------------

    def all_of(self, depth: int) -> Found:
        return {"allOf": self.subschemas(depth)}

    def any_of(self, depth: int) -> Found:
        return {"anyOf": self.subschemas(depth)}

    def one_of(self, depth: int) -> Found:
        return {"oneOf": self.subschemas(depth)}

    def negation(self, depth: int) -> Found:
        return {"not": self.schema(depth)}

    def condition(self, depth: int) -> Found:
        found = {"if": self.schema(depth)}
        return found | {name: self.schema(depth) for name in ("then", "else") if self.chance(0.7)}

    def extends(self, depth: int) -> Found:
        listed = not self.pointers_only or self.chance(0.5)
        return {"extends": self.subschemas(depth) if listed else self.schema(depth)}

    def disallow(self, depth: int) -> Found:
        name = self.rng.choice(TYPES)
        return {"disallow": self.rng.choice([name, [name, self.schema(depth)], [self.schema(depth)]])}

    def reference(self, depth: int) -> Found:
        """To a definition before this one."""
        if not self.targets:
            return {}
        target = self.rng.choice(self.targets)
        if self.embedded and target.startswith("#"):
            target = ROOT + target
        plain = self.draft < 2020 or "#/" in target or "#" not in target
        return {"$ref" if plain or self.chance(0.5) else "$dynamicRef": target}

    def recursion(self, depth: int) -> Found:
        """To something around this, behind a member or an item."""
        back: Found = {"$ref": "#"}
        if self.dynamic and self.chance(0.8):
            back = {"$dynamicRef": "#node"} if self.draft == 2020 else {"$recursiveRef": "#"}
        return self.rng.choice([{"items": back}, {"additionalProperties": back}, {"properties": {"a": back}}])
