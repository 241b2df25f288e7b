"""`generate` and `stream`: a prompt and a constraint in, text out that satisfies the constraint.

Chooses the parts and puts them together: model (integrations), constraint and its compiled form (constraints), sampler
and loop (decoding). One constraint per call, as an object or by one of the keywords schema, regex, grammar, choices
and python_type; what else is given by keyword goes to that constraint as its policies.

Importing this file loads nothing but the errors, so that `treadle/__init__.py` can import it at once: a function and a
module of one name must not be left to the order of imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from treadle.errors import InvalidConstraint

if TYPE_CHECKING:
    import numpy as np

    from treadle.constraints import Constraint
    from treadle.decoding import Decoding, Result, Sampler
    from treadle.decoding.protocols import Automaton, Model, Session

Prompt = str | Sequence[Mapping[str, Any]]


def generate(
    prompt: Prompt,
    constraint: Any = None,
    *,
    model: Any = None,
    schema: Any = None,
    regex: str | None = None,
    grammar: Any = None,
    choices: Sequence[str] | None = None,
    python_type: Any = None,
    strategy: Literal["greedy", "sampling"] | Sampler | None = None,
    n: int = 1,
    max_tokens: int = 256,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int | None = None,
    heal_prompt: bool = False,
    chat: bool | None = None,
    return_results: bool = False,
    **policies: Any,
) -> str | list[Result]:
    """Generate text that satisfies a constraint.

    `n` = 1 gives the text; `n` > 1 or `return_results` gives a list of `Result`. Without a strategy the choice is
    greedy, unless a temperature above 0, top_k, top_p, min_p or `n` > 1 asks for sampling. The text has at most
    `max_tokens` tokens and is complete within them. `chat`: whether a prompt given as text goes through the model's
    chat template (None: if it has one). `heal_prompt`: let the model split the end of the prompt anew.
    """
    given = {
        "schema": schema,
        "regex": regex,
        "grammar": grammar,
        "choices": choices,
        "python_type": python_type,
    }
    _check_counts(n, max_tokens)
    sampler = sampler_for(strategy, n, temperature, top_k, top_p, min_p)
    request = _Request(prompt, _constraint(constraint, given, policies), model, heal_prompt, chat)
    results = list(request.results(sampler, _generator(seed), n, max_tokens))
    return results if return_results or n > 1 else results[0].text


def stream(
    prompt: Prompt,
    constraint: Any = None,
    *,
    model: Any = None,
    schema: Any = None,
    regex: str | None = None,
    grammar: Any = None,
    choices: Sequence[str] | None = None,
    python_type: Any = None,
    strategy: Literal["greedy", "sampling"] | Sampler | None = None,
    max_tokens: int = 256,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int | None = None,
    heal_prompt: bool = False,
    chat: bool | None = None,
    **policies: Any,
) -> Iterator[str]:
    """Like `generate`, a piece at a time: never empty, never ending inside of a character, and joining to the text.

    A constraint or prompt that is wrong raises here, not at the first piece.
    """
    given = {
        "schema": schema,
        "regex": regex,
        "grammar": grammar,
        "choices": choices,
        "python_type": python_type,
    }
    _check_counts(1, max_tokens)
    sampler = sampler_for(strategy, 1, temperature, top_k, top_p, min_p)
    request = _Request(prompt, _constraint(constraint, given, policies), model, heal_prompt, chat)
    return request.pieces(sampler, _generator(seed), max_tokens)


def _generator(seed: int | None) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(seed)


class _Request:
    """A prompt and a constraint, ready for one model."""

    def __init__(
        self, prompt: Prompt, constraint: Any, model: Any, heal_prompt: bool, chat: bool | None
    ) -> None:
        from treadle import constraints
        from treadle.decoding.healing import HealedAutomaton, heal
        from treadle.integrations.models import load

        self.model: Model = load(model)
        self.vocabulary = self.model.vocabulary
        #: Whether the texts are JSON.
        self.is_json = isinstance(constraint, (constraints.JsonSchema, constraints.PythonType))
        self.automaton: Automaton = constraints.compile(constraint, self.vocabulary).automaton
        self.prompt, self.skip = (
            _encode(self.model, prompt, False if heal_prompt and chat is None else chat),
            0,
        )
        if heal_prompt:
            self.prompt, prefix = heal(self.prompt, self.vocabulary)
            self.skip = len(prefix)
            self.automaton = (
                HealedAutomaton(self.automaton, self.vocabulary, prefix) if prefix else self.automaton
            )

    def decoding(
        self, session: Session, sampler: Sampler, rng: np.random.Generator, max_tokens: int, scored: bool
    ) -> Decoding:
        from treadle.decoding import Decoding

        return Decoding(session, self.automaton, self.vocabulary, sampler, rng, max_tokens, scored)

    def results(
        self, sampler: Sampler, rng: np.random.Generator, n: int, max_tokens: int
    ) -> Iterator[Result]:
        from treadle.decoding import Greedy

        session = self.model.start(self.prompt)
        for k in range(n):
            # The last text may have the session itself, and a greedy choice comes out the same every time.
            own = session if k == n - 1 or isinstance(sampler, Greedy) else session.fork()
            result = self.result(self.decoding(own, sampler, rng, max_tokens, True))
            if isinstance(sampler, Greedy):
                yield from [result] * n
                return
            yield result

    def result(self, decoding: Decoding) -> Result:
        from treadle.decoding.results import Result, parsed

        for _ in decoding.pieces():
            pass
        text = self.vocabulary.decode_bytes(decoding.tokens)[self.skip :].decode()
        return Result(
            text=text,
            tokens=tuple(decoding.tokens),
            value=parsed(text) if self.is_json else None,
            scores=decoding.scores,
            finish_reason=decoding.finish_reason,
            seconds=decoding.seconds,
            model_calls=decoding.session.calls,
        )

    def pieces(self, sampler: Sampler, rng: np.random.Generator, max_tokens: int) -> Iterator[str]:
        from treadle.decoding import TextStream

        text = TextStream(self.skip)
        for run in self.decoding(self.model.start(self.prompt), sampler, rng, max_tokens, False).pieces():
            if piece := text.feed(self.vocabulary.decode_bytes(run)):
                yield piece
        if rest := text.feed(b"", final=True):
            yield rest


def sampler_for(
    strategy: Literal["greedy", "sampling"] | Sampler | None,
    n: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
) -> Sampler:
    """The sampler that the arguments of `generate` ask for."""
    from treadle.decoding import Greedy, Sampling

    if strategy is not None and not isinstance(strategy, str):
        return strategy
    if strategy not in (None, "greedy", "sampling"):
        raise InvalidConstraint(
            "no such strategy", found=repr(strategy), expected="'greedy', 'sampling' or a sampler"
        )
    tails = (top_k, top_p, min_p) != (None, None, None)
    sampled = strategy == "sampling" or (strategy is None and (n > 1 or tails or bool(temperature)))
    if not sampled or temperature == 0:
        return Greedy()
    return Sampling(1.0 if temperature is None else temperature, top_k, top_p, min_p)


def _constraint(constraint: Any, given: Mapping[str, Any], policies: Mapping[str, Any]) -> Any:
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) + (constraint is not None) != 1:
        found = [*(["constraint"] if constraint is not None else []), *named]
        raise InvalidConstraint(
            "give exactly one constraint", found=" and ".join(found) or "none", expected=", ".join(given)
        )
    if constraint is None:
        ((name, value),) = named.items()
        return _named(name, value, policies)
    if policies:
        raise InvalidConstraint("policies belong to the constraint object", found=", ".join(policies))
    return constraint


def _named(name: str, value: Any, policies: Mapping[str, Any]) -> Constraint:
    """The constraint that a keyword of `generate` stands for."""
    from treadle import constraints

    if name == "schema":
        return _json_schema(value, policies)
    if name == "regex":
        return constraints.Regex(value, **policies)
    if name == "choices":
        return constraints.Choice(value, **policies)
    if name == "python_type":
        return constraints.PythonType(value, {**_WRITING, **policies})
    return value if isinstance(value, constraints.Grammar) else constraints.Grammar(value, **policies)


#: A model that may spell any character as an escape does so, and the text is not what anyone wants to read.
_WRITING: Mapping[str, Any] = {"escapes": "canonical"}


def _json_schema(schema: Any, policies: Mapping[str, Any]) -> Constraint:
    from treadle import constraints, library

    if isinstance(schema, str) and schema in library.names("schemas"):
        schema = library.find("schemas", schema)
    return constraints.JsonSchema(schema, **{**_WRITING, **policies})


def _encode(model: Any, prompt: Prompt, chat: bool | None) -> list[int]:
    if hasattr(model, "encode"):
        return list(model.encode(prompt, chat))
    if not isinstance(prompt, str):
        raise InvalidConstraint("this model reads text, not messages", found=type(prompt).__name__)
    return list(model.vocabulary.encode(prompt))


def _check_counts(n: int, max_tokens: int) -> None:
    for name, value in (("n", n), ("max_tokens", max_tokens)):
        if value < 1:
            raise InvalidConstraint(
                f"{name} is out of range", found=str(value), expected="a whole number from 1 on"
            )
