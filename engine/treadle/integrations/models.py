"""A model by name, folder or object -> `TransformersModel`: weights, tokenizer, and a vocabulary as wide as the logits.

None is the bundled model. A name is looked up as transformers does (a folder, its local cache, the hub if it can be
reached). A transformers model object brings its tokenizer along as a pair (model, tokenizer), or is asked where it
was loaded from. The ends of text are the tokenizer's and the model's generation config's together.
Loaded models are kept: the second generate() does not load again. Leaves out: quantisation, several devices; load
such a model yourself and hand it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

from treadle.decoding.prefixes import PrefixTree
from treadle.decoding.protocols import Model, Session
from treadle.errors import TreadleError, VocabularyMismatch
from treadle.integrations.bundled import bundled_model
from treadle.integrations.packages import require
from treadle.vocabulary import Vocabulary

Message = Mapping[str, Any]


class ModelUnavailable(TreadleError):
    """A model that cannot be loaded: `model` says which, `reason` why."""

    def __init__(self, model: str, reason: str) -> None:
        self.model = model
        self.reason = " ".join(reason.split())
        super().__init__(f"cannot load the model {model}: {self.reason}")


class TransformersModel:
    """A causal language model of transformers with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.vocabulary = Vocabulary.from_tokenizer(
            _source(tokenizer), size=_logits_width(model), eos=_ends(model, tokenizer)
        )

    def start(self, prompt: Sequence[int]) -> Session:
        """Read a prompt."""
        from treadle.decoding.session import CachedSession

        return CachedSession(self.model, prompt)

    def tree(self, memory: int | None = None) -> PrefixTree:
        """A fresh tree of prefixes, for searches; at most `memory` tokens stay in its cache."""
        from treadle.integrations.prefix_cache import PrefixStore

        return PrefixTree(PrefixStore(self.model), memory)

    def encode(self, prompt: str | Sequence[Message], chat: bool | None = None) -> list[int]:
        """Ids of a prompt. Messages, and text where `chat`, go through the chat template.

        chat=None: text does so if there is a template.
        """
        template = getattr(self.tokenizer, "chat_template", None)
        if isinstance(prompt, str) and not (bool(template) if chat is None else chat):
            return list(self.tokenizer(prompt)["input_ids"]) or self._beginning()
        if not template:
            raise VocabularyMismatch(
                "this model has no chat template",
                found=type(prompt).__name__,
                expected="a prompt as text, chat=False",
            )
        messages = (
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(m) for m in prompt]
        )
        text = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        # The template has written the special tokens out; the tokenizer's own would come on top.
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _beginning(self) -> list[int]:
        """What an empty prompt is: the beginning of a text, which for many models is its end token."""
        first = self.tokenizer.bos_token_id
        return [self.vocabulary.eos_ids[0] if first is None else first]


def load(model: Any = None, *, dtype: str = "float32", device: str | None = None) -> Model:
    """The model that `model` names or is. Anything that is a `Model` already is given back."""
    if model is None:
        return _load(str(bundled_model()), dtype, device)
    if isinstance(model, (str, PathLike)):
        return _load(str(model), dtype, device)
    if hasattr(model, "vocabulary") and (hasattr(model, "start") or hasattr(model, "tree")):
        return model  # type: ignore[no-any-return]
    if isinstance(model, tuple) and len(model) == 2:
        return TransformersModel(*model)
    if not hasattr(model, "generate"):
        raise ModelUnavailable(type(model).__name__, "give a name, a folder, or a model of transformers")
    return _of_object(model)


@lru_cache(maxsize=4)
def _load(name: str, dtype: str, device: str | None) -> TransformersModel:
    require("torch", "running a model")
    transformers = require("transformers", "running a model")
    try:
        with _without_bar(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(name)
            model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelUnavailable(name, str(error)) from error
    return TransformersModel(model.to(device) if device else model, tokenizer)


class _without_bar:  # noqa: N801 - reads as a phrase where it is used
    """Loading half a second of weights needs no progress bar; whoever had bars on gets them back."""

    def __init__(self, transformers: Any) -> None:
        self._logging = transformers.utils.logging

    def __enter__(self) -> None:
        self._was_on = self._logging.is_progress_bar_enabled()
        self._logging.disable_progress_bar()

    def __exit__(self, *exception: object) -> None:
        if self._was_on:
            self._logging.enable_progress_bar()


#: Wrapped model objects, so that one that is used again is not wrapped again: id -> (object, wrapper).
_wrapped: dict[int, tuple[Any, TransformersModel]] = {}


def _of_object(model: Any) -> TransformersModel:
    known = _wrapped.get(id(model))
    if known is not None and known[0] is model:
        return known[1]
    name = getattr(model, "name_or_path", "") or getattr(model.config, "name_or_path", "")
    if not name:
        raise ModelUnavailable(
            type(model).__name__, "no tokenizer known for it; give the pair (model, tokenizer)"
        )
    transformers = require("transformers", "running a model")
    try:
        wrapper = TransformersModel(model, transformers.AutoTokenizer.from_pretrained(name))
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(name, f"its tokenizer: {error}") from error
    _wrapped.clear()  # one at a time: a wrapper keeps its model's weights alive
    _wrapped[id(model)] = (model, wrapper)
    return wrapper


def _source(tokenizer: Any) -> Any:
    # The file is read from the cache in a tenth of the time that asking the object for its JSON takes.
    folder = Path(getattr(tokenizer, "name_or_path", "") or "/nonexistent")
    file = folder / "tokenizer.json"
    return file if file.is_file() and _same_size(tokenizer, file) else tokenizer


def _same_size(tokenizer: Any, file: Path) -> bool:
    # Tokens added after loading are in the object only.
    return len(tokenizer) <= len(Vocabulary.from_tokenizer(file))


def _logits_width(model: Any) -> int | None:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    width = getattr(head, "out_features", None) or getattr(model.config, "vocab_size", None)
    return int(width) if width else None


def _ends(model: Any, tokenizer: Any) -> list[int] | None:
    found: list[int] = []
    for value in (
        getattr(tokenizer, "eos_token_id", None),
        getattr(getattr(model, "generation_config", None), "eos_token_id", None),
    ):
        found += [] if value is None else [value] if isinstance(value, int) else list(value)
    return found or None
