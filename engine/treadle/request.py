"""A request put together and carried out: model, compiled constraint, prompts, and the loop or a search.

Text that one sampler writes alone comes from the decoding loop, which streams and saves a forward pass where a text
ends without a choice. Everything else is a search (decoding/solving.py): strategies, several texts or prompts at a
time, checks and scorers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from treadle.errors import InvalidConstraint, UnsatisfiableConstraint, UnsupportedFeature

if TYPE_CHECKING:
    import numpy as np

    from treadle.decoding import Decoding, Result, Sampler
    from treadle.decoding.problem import Check, Scorer
    from treadle.decoding.protocols import Automaton, Session
    from treadle.decoding.scores import Reweighting
    from treadle.decoding.search import Strategy
    from treadle.decoding.solving import Progress

Prompt = str | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
    """One prompt: its tokens, and what of its end is written anew."""

    prompt: Sequence[int]
    skip: int
    automaton: Automaton


@dataclass(frozen=True)
class Steering:
    """What limits and steers a call."""

    n: int
    max_tokens: int
    seed: int | None
    temperature: float | None = None
    checks: Sequence[Check] = ()
    scorers: Sequence[Scorer] = ()
    expansions: int | None = None
    cache_tokens: int | None = None
    stop: Callable[[], bool] | None = None
    progress: Callable[[Progress], None] | None = None
    trace: bool = False
    forced_runs: bool = True
    exact_budget: bool = False
    reweight: Sequence[Reweighting] = ()

    @property
    def needs_search(self) -> bool:
        """Whether anything is asked for that only the searches can do."""
        limits = (self.expansions, self.cache_tokens, self.stop, self.progress)
        given = any((self.checks, self.scorers, self.reweight, *limits))
        return given or self.trace or self.exact_budget or not self.forced_runs


class Request:
    """Prompts and a constraint, ready for one model."""

    def __init__(
        self, prompts: Sequence[Prompt], constraint: Any, model: Any, heal_prompt: bool, chat: bool | None
    ) -> None:
        from treadle import constraints
        from treadle.integrations.models import load
        from treadle.predicates import split

        #: What has no mask, and is asked.
        constraint, self.checks = split(constraint)
        self.model: Any = load(model)
        self.vocabulary = self.model.vocabulary
        #: Whether the texts are JSON.
        self.is_json = isinstance(constraint, (constraints.JsonSchema, constraints.PythonType))
        self.automaton: Automaton = constraints.compile(constraint, self.vocabulary).automaton
        chat = False if heal_prompt and chat is None else chat
        self.asked = [self._asked(prompt, heal_prompt, chat) for prompt in prompts]

    def _asked(self, prompt: Prompt, heal_prompt: bool, chat: bool | None) -> Asked:
        from treadle.decoding.healing import HealedAutomaton, heal

        tokens, prefix = _encode(self.model, prompt, chat), b""
        if heal_prompt:
            tokens, prefix = heal(tokens, self.vocabulary)
        automaton = HealedAutomaton(self.automaton, self.vocabulary, prefix) if prefix else self.automaton
        return Asked(tokens, len(prefix), automaton)

    def search(self, chosen: Any, steering: Steering) -> list[list[Result]]:
        """The results for each prompt."""
        from treadle.decoding.draws import Draws
        from treadle.decoding.sampling import Greedy

        steering = replace(steering, checks=(*self.checks, *steering.checks))
        is_sampler = not hasattr(chosen, "search")
        if is_sampler and self._plain(chosen, steering):
            rng = _generator(steering.seed)
            return [list(self._loop(asked, chosen, rng, steering)) for asked in self.asked]
        if not hasattr(self.model, "tree"):
            raise UnsupportedFeature(
                "this model has no prefix tree, which searches need",
                found=type(self.model).__name__,
                expected="a transformers model, or a method `tree` (decoding/prefixes.py)",
            )
        found = (
            self._solve(Draws(chosen), replace(steering, temperature=None))
            if is_sampler
            else self._solve(chosen, steering)
        )
        return [one * steering.n if isinstance(chosen, Greedy) else one for one in found]

    def _plain(self, chosen: Any, steering: Steering) -> bool:
        """Whether one text after the other is as good: the loop saves the pass that scores an end without choice."""
        from treadle.decoding.sampling import Greedy

        if not hasattr(self.model, "start"):
            return False
        one = len(self.asked) == 1 and (steering.n == 1 or isinstance(chosen, Greedy))
        return not steering.needs_search and (one or not hasattr(self.model, "tree"))

    def _solve(self, strategy: Strategy, steering: Steering) -> list[list[Result]]:
        from treadle.decoding.problem import Problem
        from treadle.decoding.scores import Temperature
        from treadle.decoding.solving import solve

        warmed = (Temperature(steering.temperature),) if steering.temperature else ()
        problems = [
            Problem(
                tuple(asked.prompt),
                asked.automaton,
                self.vocabulary,
                max_tokens=steering.max_tokens,
                n=steering.n,
                seed=None if steering.seed is None else steering.seed + k,
                reweight=(*steering.reweight, *warmed),
                checks=tuple(steering.checks),
                scorers=tuple(steering.scorers),
                expansions=steering.expansions,
                is_json=self.is_json,
                skip=asked.skip,
                trace=steering.trace,
                forced_runs=steering.forced_runs,
                exact_budget=steering.exact_budget,
            )
            for k, asked in enumerate(self.asked)
        ]
        return solve(
            self.model,
            problems,
            strategy,
            memory=steering.cache_tokens,
            stop=steering.stop,
            progress=steering.progress,
        )

    def _decoding(
        self,
        asked: Asked,
        session: Session,
        sampler: Sampler,
        rng: np.random.Generator,
        limit: int,
        scored: bool,
    ) -> Decoding:
        from treadle.decoding import Decoding

        return Decoding(session, asked.automaton, self.vocabulary, sampler, rng, limit, scored)

    def _loop(
        self, asked: Asked, sampler: Sampler, rng: np.random.Generator, steering: Steering
    ) -> Iterator[Result]:
        from treadle.decoding import Greedy

        session, n = self.model.start(asked.prompt), steering.n
        for k in range(n):
            # The last text may have the session itself, and a greedy choice comes out the same every time.
            own = session if k == n - 1 or isinstance(sampler, Greedy) else session.fork()
            decoding = self._decoding(asked, own, sampler, rng, steering.max_tokens, True)
            result = self._result(asked, decoding)
            if isinstance(sampler, Greedy):
                yield from [result] * n
                return
            yield result

    def _result(self, asked: Asked, decoding: Decoding) -> Result:
        from treadle.decoding.results import Result, parsed

        for _ in decoding.pieces():
            pass
        text = self.vocabulary.decode_bytes(decoding.tokens)[asked.skip :].decode()
        return Result(
            text=text,
            tokens=tuple(decoding.tokens),
            value=parsed(text) if self.is_json else None,
            scores=decoding.scores,
            finish_reason=decoding.finish_reason,
            seconds=decoding.seconds,
            model_calls=decoding.session.calls,
        )

    def pieces(self, chosen: Any, steering: Steering) -> Iterator[str]:
        """The text as it is written; a search knows it only at its end."""
        from treadle.decoding import TextStream

        asked = self.asked[0]
        if hasattr(chosen, "search") or self.checks or not hasattr(self.model, "start"):
            if text_found := only(self.search(chosen, steering)[0]).text:
                yield text_found
            return
        text = TextStream(asked.skip)
        session = self.model.start(asked.prompt)
        rng = _generator(steering.seed)
        for run in self._decoding(asked, session, chosen, rng, steering.max_tokens, False).pieces():
            if piece := text.feed(self.vocabulary.decode_bytes(run)):
                yield piece
        if rest := text.feed(b"", final=True):
            yield rest


def only(results: Sequence[Result]) -> Result:
    """The first of the results that a search has found."""
    if not results:
        raise UnsatisfiableConstraint(
            "the search ended without a text",
            expected="a larger width, more particles or expansions, or weaker checks",
        )
    return results[0]


def _generator(seed: int | None) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(seed)


def _encode(model: Any, prompt: Prompt, chat: bool | None) -> list[int]:
    if hasattr(model, "encode"):
        return list(model.encode(prompt, chat))
    if not isinstance(prompt, str):
        raise InvalidConstraint("this model reads text, not messages", found=type(prompt).__name__)
    return list(model.vocabulary.encode(prompt))
