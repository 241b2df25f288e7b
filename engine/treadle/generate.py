"""`generate` and `stream`: a prompt and a constraint in, text out that satisfies the constraint.

Reads the arguments: one constraint per call, as an object or by one of the keywords schema, regex, grammar, choices and
python_type (what else is given by keyword goes to that constraint as its policies), and a strategy or sampler. What
happens then is in request.py.

Importing this file loads nothing but the errors, so that `treadle/__init__.py` can import it at once: a function and a
module of one name must not be left to the order of imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treadle.errors import InvalidConstraint
from treadle.request import Prompt, Request, Steering, only

if TYPE_CHECKING:
    from treadle.constraints import Constraint
    from treadle.decoding import Sampler
    from treadle.decoding.problem import Check, Scorer
    from treadle.decoding.scores import Reweighting
    from treadle.decoding.search import Strategy
    from treadle.decoding.solving import Progress


def generate(
    prompt: Prompt | Sequence[Prompt],
    constraint: Any = None,
    *,
    model: Any = None,
    schema: Any = None,
    regex: str | None = None,
    grammar: Any = None,
    choices: Sequence[str] | None = None,
    python_type: Any = None,
    predicate: Any = None,
    strategy: str | Sampler | Strategy | None = None,
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
    checks: Sequence[Check] = (),
    scorers: Sequence[Scorer] = (),
    reweight: Sequence[Reweighting] = (),
    expansions: int | None = None,
    cache_tokens: int | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[Progress], None] | None = None,
    trace: bool = False,
    forced_runs: bool = True,
    exact_budget: bool = False,
    **policies: Any,
) -> Any:
    """Generate text that satisfies a constraint.

    `n` = 1 gives the text; `n` > 1 or `return_results` gives a list of `Result`, best first. Several prompts (a list)
    give a list with that for each; they are decoded side by side. Without a strategy the choice is greedy, unless a
    temperature above 0, top_k, top_p, min_p or `n` > 1 asks for sampling; a strategy is an object such as
    `Beam(width=4)`, or its name with options ("beam:width=4", decoding/strategies.py). The text has at most
    `max_tokens` tokens and is complete within them. `chat`: whether a prompt given as text goes through the model's
    chat template (None: if it has one). `heal_prompt`: let the model split the end of the prompt anew.

    For searches: `checks` are hard conditions and `scorers` soft ones (decoding/components.py); `expansions` limits the
    hypotheses expanded for a prompt, `cache_tokens` what the key-value cache holds; `stop` is asked before every
    forward pass, `progress` told after it; `trace` keeps the events, for drawing. `forced_runs=False` lets the
    model spell what the constraint forces as it likes, token by token; `exact_budget` takes choices that do not fit
    `max_tokens` out of the local score, at the cost of a look at every choice. An interrupted search (Ctrl-C) gives
    what is finished; `Result.search` says how it ended and what it cost.
    `reweight` changes the model's logits before the mask (repetition penalties, contrasts; the temperature comes last).

    `predicate`: a function of the text, or a `Predicate`, beside the constraint or alone. Without a strategy it is met
    by "smc".
    """
    given = _keywords(schema, regex, grammar, choices, python_type)
    _check_counts(n, max_tokens)
    whole = _constraint(constraint, given, policies, predicate)
    chosen = chosen_by(_default(strategy, whole), n, temperature, top_k, top_p, min_p)
    several, prompts = _batched(prompt)
    steering = Steering(
        n, max_tokens, seed, temperature, checks, scorers, expansions, cache_tokens, stop, progress, trace, forced_runs,
        exact_budget, reweight,
    )  # fmt: skip
    results = Request(prompts, whole, model, heal_prompt, chat).search(chosen, steering)
    answers = [one if return_results or n > 1 else only(one).text for one in results]
    return answers if several else answers[0]


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
    predicate: Any = None,
    strategy: str | Sampler | Strategy | None = None,
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

    A constraint or prompt that is wrong raises here, not at the first piece. A search gives its text as one piece.
    """
    given = _keywords(schema, regex, grammar, choices, python_type)
    _check_counts(1, max_tokens)
    whole = _constraint(constraint, given, policies, predicate)
    chosen = chosen_by(_default(strategy, whole), 1, temperature, top_k, top_p, min_p)
    request = Request([prompt], whole, model, heal_prompt, chat)
    return request.pieces(chosen, Steering(1, max_tokens, seed, temperature))


def _keywords(
    schema: Any, regex: str | None, grammar: Any, choices: Sequence[str] | None, python_type: Any
) -> dict[str, Any]:
    """The keywords that name a constraint."""
    return {
        "schema": schema,
        "regex": regex,
        "grammar": grammar,
        "choices": choices,
        "python_type": python_type,
    }


def _batched(prompt: Prompt | Sequence[Prompt]) -> tuple[bool, list[Prompt]]:
    """Whether there are several prompts, and they; a list of messages is one."""
    if isinstance(prompt, str) or all(isinstance(part, Mapping) for part in prompt):
        return False, [prompt]  # type: ignore[list-item]
    return True, list(prompt)  # type: ignore[arg-type]


def chosen_by(
    strategy: str | Sampler | Strategy | None,
    n: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
) -> Sampler | Strategy:
    """The strategy or the sampler that the arguments of `generate` ask for."""
    if isinstance(strategy, str) and strategy not in ("greedy", "sampling"):
        from treadle.decoding.strategies import named

        strategy = named(strategy)
    if strategy is None or isinstance(strategy, str):
        return sampler_for(strategy, n, temperature, top_k, top_p, min_p)
    if (top_k, top_p, min_p) != (None, None, None):
        raise InvalidConstraint(
            "top_k, top_p and min_p belong to sampling",
            found=type(strategy).__name__,
            expected="strategy='sampling', or Sampling(...) as the sampler of a strategy",
        )
    return strategy


def sampler_for(
    strategy: str | Sampler | None,
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


def _default(strategy: Any, constraint: Any) -> Any:
    """A predicate has no mask to choose greedily under: without a strategy it is met by SMC."""
    from treadle.predicates import split

    return "smc" if strategy is None and split(constraint)[1] else strategy


def _constraint(
    constraint: Any, given: Mapping[str, Any], policies: Mapping[str, Any], predicate: Any = None
) -> Any:
    if predicate is None:
        return constraint_of(constraint, given, policies)
    from treadle.predicates import Predicate

    asked = predicate if isinstance(predicate, Predicate) else Predicate(predicate)
    if constraint is None and all(value is None for value in given.values()):
        return asked
    return constraint_of(constraint, given, policies) & asked


def constraint_of(constraint: Any, given: Mapping[str, Any], policies: Mapping[str, Any]) -> Any:
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


def _check_counts(n: int, max_tokens: int) -> None:
    for name, value in (("n", n), ("max_tokens", max_tokens)):
        if value < 1:
            raise InvalidConstraint(
                f"{name} is out of range", found=str(value), expected="a whole number from 1 on"
            )
