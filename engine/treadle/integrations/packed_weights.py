"""Weights of linear layers laid out for few rows at a time: what a search multiplies by on a CPU.

A pass of a beam reads a handful of tokens. The matrix product behind torch's `linear` lays the weights out anew in
every call, which for so few rows costs as much as the product itself; oneDNN takes weights that were laid out once
(weight pre-packing, as torch's compiler does when it freezes a model). PERF: a pass of 8 rows of the bundled model
takes 86 ms of processor time instead of 113, of 4 rows 69 instead of 98 (one thread of an EPYC, torch 2.13).

In: a model, unchanged. `with packed:` sends its `linear` calls of 2 to ROWS rows through the packed weights; all other
calls, and all other code, run as they would. (One row is no matrix product, and torch is as fast there.) A weight is
packed when it is first used, and again after a change in place. The copies take as much memory as the weights: at
most `limit` bytes, later weights stay as they are.

For float32 on a CPU with oneDNN, and outside of gradients, where PrefixStore calls it; does nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.overrides import TorchFunctionMode

#: Most rows of a product that packed weights are used for; with more of them laying out costs little beside the rest.
#: PERF: all products of a pass of 64, 128, 256 rows of the bundled model take 0.76, 0.77, 0.82 of the plain time.
ROWS = 256
#: Bytes that the packed weights of one model may take.
LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Packed:
    """One weight, packed, and what tells whether it is still the same."""

    weight: torch.Tensor
    packed: torch.Tensor
    version: int
    #: Where its numbers lay: `parameter.data = ...` changes no version.
    at: int

    @property
    def is_fresh(self) -> bool:
        """Whether the weight is as it was."""
        return self.weight._version == self.version and self.weight.data_ptr() == self.at


class PackedWeights(TorchFunctionMode):
    """The packed weights of one model; a context in which they are used."""

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self.limit = limit
        self.bytes = 0
        #: id of a weight -> it, packed; the weight is kept alive, so that no other has its id.
        self._known: dict[int, Packed] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """`linear` through packed weights, everything else as it is."""
        if func is torch.nn.functional.linear and not kwargs and _is_narrow(args[0]):
            weight = self._packed(args[1])
            if weight is not None:
                return _product(args[0], weight, args[2] if len(args) > 2 else None)
        return func(*args, **(kwargs or {}))

    def _packed(self, weight: torch.Tensor) -> torch.Tensor | None:
        known = self._known.get(id(weight))
        if known is not None and known.is_fresh:
            return known.packed
        if known is not None:
            self._forget(weight)
        size = weight.numel() * weight.element_size()
        if not _can_pack(weight) or self.bytes + size > self.limit:
            return None
        packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        self._known[id(weight)] = Packed(weight, packed, weight._version, weight.data_ptr())
        self.bytes += size
        return packed

    def _forget(self, weight: torch.Tensor) -> None:
        del self._known[id(weight)]
        self.bytes -= weight.numel() * weight.element_size()


#: Those of models that were searched with; they go when their model does.
_of_models: WeakKeyDictionary[Any, PackedWeights] = WeakKeyDictionary()


def packed_weights(model: Any) -> PackedWeights:
    """The packed weights of a model, kept from search to search."""
    known = _of_models.get(model)
    if known is None:
        known = _of_models[model] = PackedWeights()
    return known


def _product(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    flat = rows.reshape(-1, rows.shape[-1])
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(flat, weight, bias, "none", [], "")
    return product.view(*rows.shape[:-1], product.shape[-1])


def _is_narrow(rows: torch.Tensor) -> bool:
    return rows.shape[-1] < rows.numel() <= ROWS * rows.shape[-1] and not torch.is_grad_enabled()


def _can_pack(weight: torch.Tensor) -> bool:
    return (
        _HAS_PACKING
        and torch._C._has_mkldnn
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.dim() == 2
        and weight.is_contiguous()
        and not weight.is_inference()
        # Subclasses (quantised weights, say) are more than their numbers.
        and type(weight) in (torch.Tensor, torch.nn.Parameter)
    )


#: They are torch's own, of its compiler, and under no promise.
_HAS_PACKING = hasattr(torch.ops.mkldnn, "_linear_pointwise") and hasattr(
    torch.ops.mkldnn, "_reorder_linear_weight"
)
