"""Keys and values of a transformers model by slot: the `Store` behind a tree of prefixes (decoding/prefixes.py).

Each layer keeps one matrix, a line for each token. A pass writes the lines of its new tokens first and then collects
the lines that its rows attend to: rows with different prefixes, and a prefix that another row of the same pass reads,
cost no more than an index. It is handed to the model as a `Cache` of transformers.

Two layouts of a pass, and the one with fewer operations is taken:
- *packed*: all new tokens of all rows in one line, all prefixes side by side with common tokens once, and a mask that
  says who sees what (tree attention; Miao et al. 2024, SpecInfer). Nothing is padded: best for a beam with forced runs.
- *padded*: a line for each row, ends at the right, padding at the left. Best for many prompts that share nothing, and
  the only one for models with sliding windows or attention kernels that take no mask of one's own.

The same code runs on a CPU and on CUDA; only logits that were asked for leave the device. Leaves out: models with
recurrent layers, and with an encoder.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import Cache, CacheLayerMixin

from treadle.decoding.prefixes import Batch, Place
from treadle.decoding.protocols import Logits
from treadle.errors import UnsupportedFeature
from treadle.integrations.packed_weights import PackedWeights, packed_weights
from treadle.integrations.superposition import Superposition

#: What attention takes, in multiplications of a linear layer: one of its own, with the mask; and one number of the keys
#: or values collected. PERF: with these the layout that is taken is the faster one for 4 to 53 rows, 0 to 300 tokens in
#: common, 6 to 300 apart; 16 rows with 300 in common and 20 apart take 107 ms in one line and 143 in lines.
_ATTENDING, _COLLECTING = 3, 16
#: Attention of transformers that adds a mask of one's own.
_TAKES_MASK = ("sdpa", "eager")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a batch lies in the tensors of one pass."""

    #: int64[lines, width]
    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    #: int64[n]: slots of the new tokens; where they stand in `ids`, flattened, or None: everywhere.
    write: NDArray[np.int64]
    order: NDArray[np.int64] | None
    #: int64[lines, longest]: slots that each line attends to.
    read: NDArray[np.int64]
    #: bool[lines, longest]: which of them are no padding, or bool[1, 1, width, longest], or None: all.
    mask: NDArray[np.bool_] | None
    #: (line, column) of the first new token of each row of the batch.
    first: tuple[Place, ...]

    def place(self, place: Place) -> Place:
        """Where a token of the batch stands."""
        line, column = self.first[place[0]]
        return line, column + place[1]


def padded(batch: Batch) -> Layout:
    """A line for each row."""
    width, longest = max(map(len, batch.tokens)), max(map(len, batch.paths))
    whole = all(len(row) == width for row in batch.tokens)
    flat = [k * width + width - len(row) + np.arange(len(row)) for k, row in enumerate(batch.tokens)]
    even = all(len(path) == longest for path in batch.paths)
    return Layout(
        ids=_right(batch.tokens, width),
        positions=_right(batch.positions, width),
        write=np.concatenate(batch.write),
        order=None if whole else np.concatenate(flat),
        read=_right(batch.paths, longest),
        mask=None if even else _right([np.ones(len(path), np.int64) for path in batch.paths], longest) > 0,
        first=tuple((k, width - len(row)) for k, row in enumerate(batch.tokens)),
    )


def packed(batch: Batch) -> Layout:
    """All rows in one line."""
    slots, inverse = np.unique(np.concatenate(batch.paths), return_inverse=True)
    ends = np.cumsum([len(path) for path in batch.paths])[:-1]
    starts = np.cumsum([0, *(len(row) for row in batch.tokens)])
    mask = np.zeros((int(starts[-1]), len(slots)), np.bool_)
    for start, row, seen in zip(starts[:-1].tolist(), batch.tokens, np.split(inverse, ends), strict=True):
        before = len(seen) - len(row)
        for k in range(len(row)):
            mask[start + k, seen[: before + k + 1]] = True
    return Layout(
        ids=np.concatenate(batch.tokens)[None],
        positions=np.concatenate(batch.positions)[None],
        write=np.concatenate(batch.write),
        order=None,
        read=slots[None],
        mask=mask[None, None],
        first=tuple((0, start) for start in starts[:-1].tolist()),
    )


def _right(rows: Sequence[NDArray[np.int64]], width: int) -> NDArray[np.int64]:
    matrix = np.zeros((len(rows), width), np.int64)
    for line, row in zip(matrix, rows, strict=True):
        line[width - len(row) :] = row
    return matrix


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer, a line for each slot."""

    is_sliding = False
    is_compileable = False

    def __init__(self, owner: PrefixStore) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owner = owner
        self.keys: Any = None
        self.values: Any = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Room for as many slots as the store has."""
        slots = self.owner.slots
        self.keys = key_states.new_zeros(slots, key_states.shape[1] * key_states.shape[3])
        self.values = value_states.new_zeros(slots, value_states.shape[1] * value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write what is new, collect what is attended to."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        return self._through(self.keys, key_states), self._through(self.values, value_states)

    def _through(self, lines: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        owner = self.owner
        rows, heads, width, size = states.shape
        new = states.transpose(1, 2).reshape(rows * width, heads * size)
        if owner.order is not None:
            new = new.index_select(0, owner.order)
        lines.index_copy_(0, owner.write, new)
        if owner.fresh:
            return states
        read = lines.index_select(0, owner.read)
        return read.view(rows, -1, heads, size).transpose(1, 2)

    def grow(self, slots: int) -> None:
        """More slots, what is there stays."""
        if self.is_initialized:
            self.keys, self.values = (_longer(lines, slots) for lines in (self.keys, self.values))

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(length of what is attended to, where it begins)"""
        return self.owner.longest, 0

    def get_seq_length(self) -> int:
        """What is there before this pass, padding included."""
        return self.owner.longest - self.owner.width

    def get_max_length(self) -> int:
        """No limit."""
        return -1


def _longer(lines: torch.Tensor, slots: int) -> torch.Tensor:
    longer = lines.new_zeros(slots, lines.shape[1])
    longer[: len(lines)] = lines
    return longer


class PrefixStore:
    """The keys and values of a causal language model of transformers."""

    def __init__(self, model: Any, packed: PackedWeights | None = None) -> None:
        self.model = model
        #: Weights laid out for passes of few tokens; PackedWeights(limit=0) leaves all as they are.
        self.packed = packed_weights(model) if packed is None else packed
        self.slots = 0
        self.order: torch.Tensor | None = None
        self.fresh = False
        self.longest = self.width = 0
        config = model.config.get_text_config()
        _refuse_recurrent(config)
        self.layers: list[Any] = [SlotLayer(self) for _ in range(config.num_hidden_layers)]
        self._cache = Cache(layers=self.layers)
        self._may_keep = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._may_pack = (
            getattr(config, "_attn_implementation", "") in _TAKES_MASK
            and not getattr(config, "sliding_window", None)
            and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
            and "position_ids" in inspect.signature(model.forward).parameters
        )
        #: Multiplications for a token, and for a token and one that it attends to.
        self._linear: int = sum(weight.numel() for weight in model.parameters())
        self._attention: int = 2 * config.hidden_size * config.num_hidden_layers

    def superposition(self) -> Superposition:
        """A sequence of weighted tokens beside the tree."""
        return Superposition(self.model)

    def reserve(self, slots: int) -> None:
        """Room for so many slots; it at least doubles, so that growing costs little on the whole."""
        if slots > self.slots:
            self.slots = max(slots, 2 * self.slots, 256)
            for layer in self.layers:
                layer.grow(self.slots)

    def forward(
        self, batch: Batch, rows: Sequence[Place], scored: Sequence[tuple[Place, int]]
    ) -> tuple[Logits, NDArray[np.float64]]:
        """Read a batch in one pass."""
        layout = self._layout(batch)
        asked = [layout.place(place) for place in rows]
        asked_scores = [layout.place(place) for place, _ in scored]
        columns = sorted({column for _, column in (*asked, *asked_scores)})
        with torch.inference_mode():
            logits = self._run(layout, columns)
            last = _pick(logits, asked, columns).float()
            scores = _log_p(_pick(logits, asked_scores, columns), [token for _, token in scored])
            return last.cpu().numpy(), scores.cpu().numpy()

    def _layout(self, batch: Batch) -> Layout:
        if not self._may_pack or len(batch.tokens) == 1:
            return padded(batch)
        new, together = sum(map(len, batch.tokens)), len(np.unique(np.concatenate(batch.paths)))
        width, longest = max(map(len, batch.tokens)), max(map(len, batch.paths))
        in_one_line = self._cost(1, new, together)
        return packed(batch) if in_one_line < self._cost(len(batch.tokens), width, longest) else padded(batch)

    def _cost(self, lines: int, width: int, longest: int) -> int:
        """What a layout takes, in multiplications."""
        attention = (_ATTENDING * width + _COLLECTING) * longest * self._attention
        return lines * (width * self._linear + attention)

    def _run(self, layout: Layout, columns: list[int]) -> torch.Tensor:
        """logits[lines, len(columns), V]"""
        self._lay_out(layout)
        kept = {"logits_to_keep": self._tensor(np.array(columns))} if self._may_keep else {}
        # A pass of one token has no use for them, and every call of torch's takes longer with them.
        with self.packed if layout.ids.size > 1 else contextlib.nullcontext():
            logits = self.model(
                input_ids=self._tensor(layout.ids),
                attention_mask=self._mask(layout.mask),
                position_ids=self._tensor(layout.positions),
                past_key_values=self._cache,
                use_cache=True,
                **kept,
            ).logits
        asked: torch.Tensor = logits if self._may_keep else logits[:, columns]
        return asked

    def _lay_out(self, layout: Layout) -> None:
        """Tell the layers what to write and what to collect."""
        self.write = self._tensor(layout.write)
        self.order = None if layout.order is None else self._tensor(layout.order)
        self.read = self._tensor(layout.read.reshape(-1))
        self.width, self.longest = layout.ids.shape[1], layout.read.shape[1]
        self.fresh = self.width == self.longest and layout.mask is None

    def _mask(self, mask: NDArray[np.bool_] | None) -> torch.Tensor | None:
        if mask is None or mask.ndim == 2:
            return None if mask is None else torch.from_numpy(mask).to(self.model.device)
        dtype = self.model.dtype
        added = torch.zeros(mask.shape, dtype=dtype, device=self.model.device)
        forbidden = ~torch.from_numpy(mask).to(self.model.device)
        return added.masked_fill_(forbidden, torch.finfo(dtype).min)

    def _tensor(self, values: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(self.model.device)


def _pick(logits: torch.Tensor, places: Sequence[Place], columns: list[int]) -> torch.Tensor:
    """[len(places), V]; no copy where all that there is was asked for."""
    where = {column: k for k, column in enumerate(columns)}
    lines = logits.reshape(-1, logits.shape[-1])
    asked = [line * len(columns) + where[column] for line, column in places]
    return lines if asked == list(range(len(lines))) else lines[asked]


def _log_p(logits: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """float64[n]: log p of a token in each row."""
    logits = logits.float()
    peak = logits.amax(-1, keepdim=True)
    # Added up in float32 a sum over the vocabulary is off by 1e-5, always to the same side: over a text that adds up.
    totals = (logits - peak).exp_().sum(-1, dtype=torch.float64).log_()
    chosen = logits.gather(1, torch.tensor(tokens, dtype=torch.long, device=logits.device)[:, None])
    return (chosen.double() - peak.double())[:, 0] - totals


def _refuse_recurrent(config: Any) -> None:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= {"full_attention", "sliding_attention", "chunked_attention"}:
        raise UnsupportedFeature(
            "a prefix tree needs a model whose layers are all attention", found=", ".join(sorted(kinds))
        )
