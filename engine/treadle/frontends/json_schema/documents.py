"""Documents and references: from a `$ref` to the schema that it names.

Pointers into the same resource ("#/$defs/x", by far the most common) are followed here; everything else, that is
anchors, other resources, pointers across an embedded `$id`, and the dynamic references, is looked up by the
`referencing` package, which is imported only then. Nothing is fetched over the network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from treadle.errors import InvalidConstraint
from treadle.frontends.json_schema.drafts import Draft, draft_of
from treadle.frontends.json_schema.schema import Link

if TYPE_CHECKING:
    # N.B. the class is not among the package's exported names, though its methods are documented.
    from referencing._core import Resolver


class Resource:
    """A schema resource as seen from one dynamic scope: the base that references are resolved against."""

    __slots__ = ("_resolver", "documents", "draft", "parent", "root", "root_link", "scope")

    def __init__(
        self,
        documents: Documents,
        draft: Draft,
        root: Any,
        root_link: Link,
        *,
        parent: Resource | None = None,
        resolver: Resolver[Any] | None = None,
        scope: tuple[str, ...] = (),
    ) -> None:
        self.documents = documents
        self.draft = draft
        #: The resource's own root; None where only `referencing` knows it.
        self.root = root
        self.root_link = root_link
        self.parent = parent
        self._resolver = resolver
        #: URIs of the resources gone through, outermost first; () unless the document has dynamic references.
        self.scope = scope

    @property
    def resolver(self) -> Resolver[Any]:
        """The resolver of `referencing`, made at first need."""
        if self._resolver is None:
            documents = self.documents
            if self.parent is None:
                self._resolver = documents.root_resolver(self.root, self.draft)
            else:
                self._resolver = self.parent.resolver.in_subresource(
                    documents.as_resource(self.root, self.draft)
                )
        return self._resolver


class Documents:
    """All resources of one compilation."""

    __slots__ = ("_resources", "dynamic", "registry")

    def __init__(self, registry: Any = None) -> None:
        #: A `referencing.Registry` given by the user, or None.
        self.registry = registry
        #: Whether `$dynamicRef` or `$recursiveRef` occurs, so that the way to a schema is part of what it means.
        self.dynamic = False
        self._resources: dict[tuple[str, tuple[str, ...]], Resource] = {}

    def root(self, contents: Any, draft: Draft) -> Resource:
        resource = Resource(self, draft, contents, "#")
        if self.dynamic:
            resource.scope = _scope_of(resource.resolver)
        return resource

    def embedded(self, resource: Resource, contents: dict[str, Any], link: Link, draft: Draft) -> Resource:
        """The resource that an `$id` inside of another one opens."""
        inner = Resource(self, draft, contents, link, parent=resource)
        if self.dynamic:
            inner.scope = _scope_of(inner.resolver)
        return inner

    def resolve(self, resource: Resource, reference: str) -> tuple[Any, Link, Resource] | None:
        """What the reference names: contents, link and resource. None where that needs more than a local pointer."""
        if self.dynamic or resource.root is None or not reference.startswith("#"):
            return None
        if reference == "#":
            return resource.root, resource.root_link, resource
        if not reference.startswith("#/"):
            return None
        return self._follow(resource, reference)

    def _follow(self, resource: Resource, reference: str) -> tuple[Any, Link, Resource] | None:
        contents, link = resource.root, resource.root_link
        for raw in reference[2:].split("/"):
            token = raw
            if "%" in token or "~" in token:
                token = unquote(token).replace("~1", "/").replace("~0", "~")
            if isinstance(contents, dict) and token in contents:
                contents, link = contents[token], (link, token)
            elif isinstance(contents, list) and token.isdigit() and int(token) < len(contents):
                contents, link = contents[int(token)], (link, int(token))
            else:
                return None
            if isinstance(contents, dict) and isinstance(contents.get(resource.draft.id_keyword), str):
                # An embedded resource on the way changes the base, and whether it is one depends on where it stands.
                return None
        return contents, link, resource

    def look_up(
        self, resource: Resource, keyword: str, reference: str, where: str
    ) -> tuple[Any, Link, Resource]:
        """The same through `referencing`; raises InvalidConstraint where the reference leads nowhere."""
        from referencing.exceptions import Unresolvable

        try:
            if keyword == "$recursiveRef":
                from referencing.jsonschema import lookup_recursive_ref

                resolved = lookup_recursive_ref(resource.resolver)
            else:
                resolved = resource.resolver.lookup(reference)
        except Unresolvable as error:
            raise InvalidConstraint(
                "the reference leads nowhere",
                where=where,
                found=repr(reference),
                expected=_remedy(resource, reference),
            ) from error
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            # `referencing` reads the whole document to find identifiers, and trusts its shape.
            raise InvalidConstraint(
                "the reference cannot be resolved", where=where, found=repr(reference)
            ) from error
        link = (
            reference
            if reference.startswith("#") and resource.parent is None
            else self._absolute(resource, reference)
        )
        seen_from = self._seen_from(resolved.resolver, resource.draft)
        if _is_identified(resolved.contents, resource.draft):
            # The resolver is inside of the resource already: its identifier must not be applied again.
            seen_from.root = resolved.contents
        return resolved.contents, link, seen_from

    def _absolute(self, resource: Resource, reference: str) -> str:
        base: str = getattr(resource.resolver, "_base_uri", "")
        from urllib.parse import urljoin

        return urljoin(base, reference) if reference else base

    def _seen_from(self, resolver: Resolver[Any], draft: Draft) -> Resource:
        scope = _scope_of(resolver) if self.dynamic else ()
        # N.B. `referencing` has no public name for a resolver's base.
        key = (str(getattr(resolver, "_base_uri", "")), scope)
        known = self._resources.get(key)
        if known is None:
            own = _own_draft(resolver) or draft
            known = self._resources[key] = Resource(self, own, None, key[0], resolver=resolver, scope=scope)
        return known

    def as_resource(self, contents: Any, draft: Draft) -> Any:
        import referencing.jsonschema

        specification: Any = getattr(referencing.jsonschema, draft.specification)
        return specification.create_resource(contents)

    def root_resolver(self, contents: Any, draft: Draft) -> Resolver[Any]:
        resolver: Resolver[Any] = self.full_registry().resolver_with_root(self.as_resource(contents, draft))
        return resolver

    def full_registry(self) -> Any:
        """The given registry, and the drafts' own schemas where it does not say otherwise."""
        if self.registry is None:
            return _meta_schemas()
        known = set(self.registry)
        missing = [(uri, one) for uri, one in _meta_schemas().items() if uri not in known]
        return self.registry.with_resources(missing)


def _is_identified(contents: Any, draft: Draft) -> bool:
    """Whether the schema opens a resource of its own. Up to draft 7 an identifier like "#here" only names a place."""
    identifier = contents.get(draft.id_keyword) if isinstance(contents, dict) else None
    return isinstance(identifier, str) and (draft.ref_siblings or not identifier.startswith("#"))


def _remedy(resource: Resource, reference: str) -> str:
    draft = resource.draft
    if reference.startswith("#"):
        return f"something in this document ({draft.name} names schemas by {draft.id_keyword})"
    return "its document in registry= (--resource on the command line), since nothing is fetched"


def _own_draft(resolver: Resolver[Any]) -> Draft | None:
    """The draft that the resource which a reference has led to names itself: documents may refer across drafts."""
    from referencing.exceptions import Unresolvable

    try:
        return draft_of(resolver.lookup("").contents)
    except Unresolvable:
        return None


def _meta_schemas() -> Any:
    """The drafts' own schemas, which references may name without carrying them."""
    import referencing

    try:
        from jsonschema_specifications import REGISTRY
    except ImportError:
        return referencing.Registry()
    return REGISTRY


def registry_of(documents: Iterable[tuple[str, Any]]) -> Any:
    """A registry of documents under given URIs, and each under the identifier that it carries."""
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    found: Any = Registry()
    for uri, contents in documents:
        resource: Any = Resource.from_contents(contents, default_specification=DRAFT202012)
        names = [uri] if resource.id() is None else [uri, resource.id()]
        found = found.with_resources((name, resource) for name in names)
    return found


def _scope_of(resolver: Resolver[Any]) -> tuple[str, ...]:
    """The resources gone through, outermost first, each once.

    Only the outermost resource that has an anchor matters to a dynamic reference, so keeping first occurrences makes
    the scopes finitely many without changing what is found.
    """
    uris = [uri for uri, _ in resolver.dynamic_scope()]
    uris.reverse()
    uris.append(str(getattr(resolver, "_base_uri", "")))
    return tuple(dict.fromkeys(uris))
