"""Packed weights give the products of the weights as they are now, within their memory."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from treadle.integrations import packed_weights as module  # noqa: E402
from treadle.integrations.packed_weights import PackedWeights, packed_weights  # noqa: E402

linear = torch.nn.functional.linear


@pytest.fixture(autouse=True)
def _inference():
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def layer(bias=True, dtype=torch.float32):
    with torch.inference_mode(False):
        return torch.nn.Linear(24, 40, bias=bias, dtype=dtype).requires_grad_(False)


def packing(given):
    """Whether a layer of this kind can be packed here at all."""
    return module._can_pack(given.weight)


def agrees(packed, given, rows):
    asked = torch.randn(*rows, 24)
    with packed:
        found = given(asked)
    assert found.shape == (*rows, 40)
    np.testing.assert_allclose(found.numpy(), linear(asked, given.weight, given.bias).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "rows", [(1,), (2,), (1, 2), (1, 7), (8, 1), (4, 3), (2, 40), (256,), (257,)], ids=str
)
@pytest.mark.parametrize("bias", [True, False])
def test_products_are_those_of_the_plain_weights(rows, bias):
    given, packed = layer(bias), PackedWeights()
    agrees(packed, given, rows)
    narrow = 1 < int(np.prod(rows)) <= module.ROWS
    assert packed.bytes == (24 * 40 * 4 if narrow and packing(given) else 0)


CHANGES = {
    "in place": lambda given: given.weight.mul_(2),
    "new data": lambda given: setattr(given.weight, "data", torch.randn(40, 24)),
    "another tensor": lambda given: setattr(given, "weight", torch.nn.Parameter(torch.randn(40, 24))),
}


def follows_a_change(change):
    given, packed = layer(), PackedWeights()
    agrees(packed, given, (4,))
    with torch.inference_mode(False), torch.no_grad():
        CHANGES[change](given)
    agrees(packed, given, (4,))


@pytest.mark.parametrize("change", CHANGES)
def test_a_weight_that_changed_is_packed_again(change):
    follows_a_change(change)


@pytest.mark.parametrize("change", ["in place", "new data"])
def test_weights_that_are_packed_once_and_for_all_are_caught(monkeypatch, change):
    if not packing(layer()):
        pytest.skip("this torch packs nothing")
    monkeypatch.setattr(module.Packed, "is_fresh", True)
    with pytest.raises(AssertionError):
        follows_a_change(change)


def test_no_more_is_packed_than_the_limit_says():
    first, second = layer(), layer()
    packed = PackedWeights(limit=24 * 40 * 4 + 1)
    for given in (first, second, first):
        agrees(packed, given, (4,))
    assert packed.bytes <= packed.limit
    none = PackedWeights(limit=0)
    agrees(none, first, (4,))
    assert none.bytes == 0


def test_other_numbers_and_gradients_are_left_to_torch():
    given, packed = layer(dtype=torch.float64), PackedWeights()
    with packed:
        given(torch.randn(4, 24, dtype=torch.float64))
    with torch.inference_mode(False):
        learning = torch.nn.Linear(24, 40)
        with packed:
            learning(torch.randn(4, 24)).sum().backward()
    assert learning.weight.grad is not None and packed.bytes == 0


def test_a_model_keeps_its_packed_weights_from_search_to_search():
    given = layer()
    assert packed_weights(given) is packed_weights(given) is not packed_weights(layer())
