"""Where do the members of real JSON objects stand, in terms of the schema that they satisfy?

In: MaskBench's valid instances with their schemas. Out: among objects with listed members (`properties`), how often
these come in the listed order, and where unlisted members stand: behind all listed ones, in front, or in between.
This is the evidence for `property_order="declared"` (docs/json-schema.md). Objects are matched with schemas by walking
`properties`, `items`, `prefixItems`, `additionalProperties`, `allOf` and local `$ref`s; of `anyOf` and `oneOf` the
branches are joined, as the engine does it, each name at its first mention.

    python bench/member_order.py [FILE.jsonl.gz]
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared/data/maskbench/dev.jsonl.gz"


def applied(schema: Any, root: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The schema and all that apply to the same value with it."""
    if not isinstance(schema, dict) or depth > 20:
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        yield from applied(follow(root, reference), root, depth + 1)
    yield schema
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword) or ():
            yield from applied(part, root, depth + 1)


def follow(root: Any, reference: str) -> Any:
    found = root
    for token in reference.lstrip("#").split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(token)
        elif isinstance(found, list) and token.isdigit() and int(token) < len(found):
            found = found[int(token)]
    return found


def objects(value: Any, schemas: list[Any], root: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Every object inside of the value, with the names that its schemas list, in order."""
    parts = [part for schema in schemas for part in applied(schema, root)]
    if isinstance(value, dict):
        yield value, listed_names(parts)
        for name, member in value.items():
            yield from objects(member, member_schemas(parts, name), root)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, item_schemas(parts, index), root)


def listed_names(parts: list[dict[str, Any]]) -> list[str]:
    maps = [part["properties"] for part in parts if isinstance(part.get("properties"), dict)]
    return list(dict.fromkeys(name for properties in maps for name in properties))


def member_schemas(parts: list[dict[str, Any]], name: str) -> list[Any]:
    found = []
    for part in parts:
        properties = part.get("properties")
        if isinstance(properties, dict) and name in properties:
            found.append(properties[name])
        elif isinstance(part.get("additionalProperties"), dict):
            found.append(part["additionalProperties"])
    return found


def item_schemas(parts: list[dict[str, Any]], index: int) -> list[Any]:
    found = []
    for part in parts:
        for keyword in ("prefixItems", "items"):
            given = part.get(keyword)
            if isinstance(given, dict):
                found.append(given)
            elif isinstance(given, list) and index < len(given):
                found.append(given[index])
    return found


def place_of_unlisted(names: list[str], listed: set[str]) -> str:
    """Where the unlisted members of an object that has both kinds stand."""
    kinds = "".join("L" if name in listed else "u" for name in names)
    if kinds == "L" * kinds.count("L") + "u" * kinds.count("u"):
        return "behind"
    if kinds == "u" * kinds.count("u") + "L" * kinds.count("L"):
        return "in front"
    return "in between"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    order: Counter[str] = Counter()
    place: Counter[str] = Counter()
    instances = 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            for test in case["tests"]:
                if not test["valid"]:
                    continue
                instances += 1
                for value, names in objects(test["data"], [case["schema"]], case["schema"]):
                    position = {name: index for index, name in enumerate(names)}
                    present = [position[name] for name in value if name in position]
                    if len(present) > 1:
                        order["listed order" if present == sorted(present) else "another order"] += 1
                    if present and len(present) < len(value):
                        place[place_of_unlisted(list(value), set(names))] += 1
    print(f"{instances} valid instances")
    for title, counts in (("two or more listed members", order), ("listed and unlisted members", place)):
        total = sum(counts.values())
        print(f"objects with {title}: {total}")
        for name, count in counts.most_common():
            print(f"  {name:<14} {count:6}  {100 * count / total:5.1f} %")


if __name__ == "__main__":
    main()
