"""`infill`: a text with gaps and a constraint in, the text with its gaps filled out, which satisfies the constraint.

An autoregressive model writes gaps of any length (decoding/regions.py), a masked-diffusion model fills a number of
cells for each (diffusion/decoding.py); both against the same completability. Reads the arguments as `generate` does.

Importing this file loads nothing but the errors, so that `treadle/__init__.py` can import it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from treadle.errors import InvalidConstraint
from treadle.generate import constraint_of

if TYPE_CHECKING:
    from treadle.decoding.regions import Filled, Fim
    from treadle.decoding.self_infilling import SelfInfilling
    from treadle.diffusion.samplers import Sampler
    from treadle.infilling.limits import Limits


def infill(
    text: str,
    constraint: Any = None,
    *,
    schema: Any = None,
    regex: str | None = None,
    grammar: Any = None,
    choices: Sequence[str] | None = None,
    python_type: Any = None,
    model: Any = None,
    gap: str = "<gap>",
    prompt: str = "",
    fim: Fim | None = None,
    self_infilling: SelfInfilling | None = None,
    max_tokens: int = 64,
    slots: int = 16,
    sampler: Sampler | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    limits: Limits | None = None,
    undecided: Literal["raise", "defer"] = "defer",
    return_result: bool = False,
    **policies: Any,
) -> Any:
    """Fill the gaps of a text so that the whole satisfies a constraint.

    `gap` is what stands for a gap in `text`. The constraint and its policies are given as to `generate`. `prompt`: what
    the model reads in front of the text. `fim`: tokens of a fill-in-the-middle model. `self_infilling`: where the model
    becomes unsure it writes the end of the text first, and then the middle; needs `fim`, and a text whose only gap is
    at its end. An autoregressive model writes at most `max_tokens` tokens into each gap, a masked-diffusion model (one
    with a `mask_id`) exactly `slots`, with `sampler` (LLaDA's by default). `undecided`: what to do with a token of
    which a limit ended before it was known whether the text behind the gap can follow: "raise" LimitExceeded, or take
    another one ("defer"). `return_result` gives a `Filled`. Raises UnsatisfiableConstraint where nothing fits.
    """
    given = {
        "schema": schema, "regex": regex, "grammar": grammar, "choices": choices, "python_type": python_type,
    }  # fmt: skip
    if max_tokens < 1 or slots < 1:
        raise InvalidConstraint("max_tokens and slots are 1 or more", found=f"{max_tokens}, {slots}")
    asked = constraint_of(constraint, given, policies)
    if hasattr(model, "mask_id"):
        result = _denoise(
            text, asked, model, gap, prompt, slots, sampler, temperature, seed, limits, undecided
        )
    else:
        result = _write(
            text,
            asked,
            model,
            gap,
            prompt,
            fim,
            self_infilling,
            max_tokens,
            temperature,
            seed,
            limits,
            undecided,
        )
    return result if return_result else result.text


def _write(
    text: str, constraint: Any, model: Any, gap: str, prompt: str, fim: Any, self_infilling: Any,
    max_tokens: int, temperature: float, seed: int, limits: Any, undecided: Any,
) -> Filled:  # fmt: skip
    from treadle.constraints import compile
    from treadle.decoding.regions import Filler
    from treadle.decoding.self_infilling import self_infill
    from treadle.infilling.cells import template
    from treadle.integrations.models import load

    loaded = load(model)
    automaton = compile(constraint, loaded.vocabulary).automaton
    options: dict[str, Any] = {
        "prompt": loaded.vocabulary.encode(prompt) if prompt else (), "fim": fim, "temperature": temperature,
        "seed": seed, "max_tokens": max_tokens, "limits": limits, "undecided": undecided,
    }  # fmt: skip
    cells = template(text, gap)
    if self_infilling is None:
        return Filler(loaded, automaton, cells, **options).fill()
    if fim is None:
        raise InvalidConstraint("self-infilling without a fill-in-the-middle model", expected="fim=Fim(...)")
    return self_infill(loaded, automaton, cells, self_infilling, **options)


def _denoise(
    text: str, constraint: Any, model: Any, gap: str, prompt: str, slots: int, sampler: Any, temperature: float,
    seed: int, limits: Any, undecided: Any,
) -> Filled:  # fmt: skip
    from treadle.constraints import compile
    from treadle.decoding.regions import Filled, Written
    from treadle.diffusion.decoding import decode
    from treadle.diffusion.samplers import Llada
    from treadle.infilling.cells import Gap, template

    vocabulary = model.vocabulary
    row: list[int] = []
    spans: list[range] = []
    for cell in template(text, gap):
        if isinstance(cell, Gap):
            spans.append(range(len(row), len(row) + slots))
            row += [model.mask_id] * slots
        else:
            row += vocabulary.encode_bytes(cell.data)  # type: ignore[union-attr]  # a template has texts and gaps
    done = decode(
        model, vocabulary.encode(prompt) if prompt else (), row,
        sampler or Llada(steps=max(1, slots * len(spans)), temperature=temperature),
        compile(constraint, vocabulary).automaton, seed=seed, tail=False, limits=limits, undecided=undecided,
    )  # fmt: skip
    gaps = tuple(vocabulary.decode([done.tokens[i] for i in span]) for span in spans)
    number = {cell: k for k, span in enumerate(spans) for cell in span}
    written = tuple(
        Written(number[commit.cell], vocabulary.token_bytes(commit.token) or b"", 0)
        for commit in done.commits
    )
    return Filled(done.text, gaps, written, done.refused, done.undecided, len(vocabulary))
