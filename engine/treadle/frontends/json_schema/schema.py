"""Schema locations: what a formula's value atoms stand for.

In: one schema object inside of a document, with the link that leads to it. Out: an interned `Schema` that knows its
keyword families, the kinds of value it can concern, and its subschemas as goals. Nothing is expanded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.drafts import Draft, Group
from treadle.frontends.json_schema.formula import VALUE, Formula

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation
    from treadle.frontends.json_schema.documents import Resource

#: How a location was reached: the text of a reference, or (the link above, one reference token). Pointers are spelled
#: only for errors and reports, since joining strings for each node would cost more than reading the node.
Link = Union[str, tuple["Link", "str | int"]]


def pointer_of(link: Link) -> str:
    """The JSON pointer of a link, as a URI fragment."""
    tokens: list[str] = []
    while not isinstance(link, str):
        link, token = link
        tokens.append(str(token).replace("~", "~0").replace("/", "~1"))
    return "/".join([link, *reversed(tokens)]) if tokens else link


class Pointers:
    """Pointers from the root of a document also to what was reached by an anchor ("#name"). Found when first needed."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._links: dict[int, Link] | None = None

    def of(self, schema: Schema, *tokens: str | int) -> str:
        """The pointer of something inside of the schema."""
        pointer = schema.at(*tokens)
        if pointer.startswith("#/") or not pointer.startswith("#") or pointer == "#":
            return pointer
        if self._links is None:
            self._links = _links(self._document)
        link = self._links.get(id(schema.contents))
        if link is None:
            return pointer
        for token in tokens:
            link = (link, token)
        return pointer_of(link)


def _links(document: Any) -> dict[int, Link]:
    """Links from the root to all objects, by their identity."""
    found: dict[int, Link] = {}
    work: list[tuple[Any, Link]] = [(document, "#")]
    while work:
        value, link = work.pop()
        if isinstance(value, dict):
            found.setdefault(id(value), link)
            work.extend((inner, (link, name)) for name, inner in value.items())
        elif isinstance(value, list):
            work.extend((inner, (link, index)) for index, inner in enumerate(value))
    return found


class Schema:
    """One schema object at one place. A value atom: the values that are valid against it.

    Made by the loader (`wellformed`), which also fills `groups`, `kinds_allowed` and `targets`.
    """

    __slots__ = (
        "_bits",
        "compilation",
        "contents",
        "draft",
        "expansions",
        "groups",
        "kinds_allowed",
        "link",
        "only_integers",
        "prepared",
        "resource",
        "targets",
    )

    sort = VALUE
    meets = False

    def __init__(
        self, compilation: Compilation, contents: dict[str, Any], link: Link, resource: Resource
    ) -> None:
        self.compilation = compilation
        self.contents = contents
        self.link = link
        self.resource = resource
        self.draft: Draft = resource.draft
        #: The families of keywords present.
        self.groups = 0
        #: Kinds that `type` allows; those of draft 3's schemas in `type` are counted in.
        self.kinds_allowed = values.ANY
        #: Whether `type` allows integers but not all numbers.
        self.only_integers = False
        #: Where `$ref` and its kin lead, by keyword.
        self.targets: dict[str, tuple[Any, Link, Resource]] = {}
        self.expansions: dict[int, Formula] = {}
        #: Trackers and leaves made from the keywords, by family.
        self.prepared: dict[str, Any] = {}
        self._bits: tuple[int, int] | None = None

    def dispose(self) -> None:
        """Let go of what was made from it (see `Compilation.dispose`)."""
        self.targets.clear()
        self.expansions.clear()
        self.prepared.clear()

    @property
    def pointer(self) -> str:
        return pointer_of(self.link)

    def at(self, *tokens: str | int) -> str:
        """The pointer of something inside of the schema."""
        link = self.link
        for token in tokens:
            link = (link, token)
        return pointer_of(link)

    def get(self, keyword: str) -> Any:
        """The keyword's value; None where it is absent or no keyword of this draft."""
        return self.contents.get(keyword) if keyword in self.draft.keywords else None

    def child(self, *tokens: str | int) -> Formula:
        """The goal of a subschema."""
        contents: Any = self.contents
        link = self.link
        for token in tokens:
            contents = contents[token]
            link = (link, token)
        return self.compilation.goal(contents, link, self.resource)

    def target(self, keyword: str) -> Formula:
        """The goal that a reference keyword leads to."""
        return self.compilation.goal(*self.targets[keyword])

    def kinds(self) -> tuple[int, int]:
        if self._bits is None:
            self._bits = (self._possible(), self._certain())
        return self._bits

    def _possible(self) -> int:
        return self.kinds_allowed

    def _certain(self) -> int:
        if self.groups & (Group.IN_PLACE | Group.VALUES):
            return 0
        loose = values.NULL | values.BOOLEAN
        if not self.groups & Group.STRING:
            loose |= values.STRING
        if not self.groups & Group.NUMBER and not self.only_integers:
            loose |= values.NUMBER
        if not self.groups & (Group.ARRAY | Group.UNEVALUATED):
            loose |= values.ARRAY
        if not self.groups & (Group.OBJECT | Group.UNEVALUATED):
            loose |= values.OBJECT
        return self.kinds_allowed & loose

    def describe(self) -> str:
        return self.pointer


def is_reference_only(schema: Schema) -> bool:
    """Says the schema nothing but what another one says?"""
    if "$ref" not in schema.targets:
        return False
    if not schema.draft.ref_siblings:
        return True
    keywords = schema.draft.keywords
    return all(
        name == "$ref" or (keyword := keywords.get(name)) is None or not keyword.group
        for name in schema.contents
    )
