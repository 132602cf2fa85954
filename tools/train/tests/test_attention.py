"""The mask of docs/semantics.md, against attention written out number by number."""

import pytest
import torch
from torch import Tensor

from model import QUERY_BLOCK, attend, attend_newest

HEADS, KV_HEADS, HEAD_DIM = 4, 2, 8


def random_qkv(positions: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(positions)
    shapes = [(2, heads, positions, HEAD_DIM) for heads in (HEADS, KV_HEADS, KV_HEADS)]
    q, k, v = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return q, k, v


def by_definition(q: Tensor, k: Tensor, v: Tensor, window: int | None, own_position: bool) -> Tensor:
    out = torch.zeros_like(q)
    batch, heads, positions, head_dim = q.shape
    for b in range(batch):
        for h in range(heads):
            kv = h // (heads // k.shape[1])
            for position in range(positions):
                seen = [
                    key
                    for key in range(positions)
                    if (key <= position if own_position else key < position)
                    and (window is None or position - key < window)
                ]
                if seen:
                    weights = torch.softmax(k[b, kv, seen] @ q[b, h, position] / head_dim**0.5, 0)
                    out[b, h, position] = weights @ v[b, kv, seen]
    return out


@pytest.mark.parametrize("positions", [1, 2, 7, QUERY_BLOCK, QUERY_BLOCK + 1])
@pytest.mark.parametrize("window", [None, 1, 3, QUERY_BLOCK + 8])
@pytest.mark.parametrize("own_position", [True, False])
def test_attends_to_what_the_mask_shows(positions: int, window: int | None, own_position: bool) -> None:
    q, k, v = random_qkv(positions)
    expected = by_definition(q, k, v, window, own_position)
    assert torch.allclose(attend(q, k, v, window, own_position), expected, atol=1e-12)


def test_a_query_that_sees_no_key_gets_exactly_zero() -> None:
    q, k, v = random_qkv(5)
    assert torch.equal(attend(q, k, v, None, own_position=False)[:, :, 0], torch.zeros(2, HEADS, HEAD_DIM))
    assert torch.equal(attend(q, k, v, 1, own_position=False), torch.zeros_like(q))
    nothing = k[:, :, :0]
    assert torch.equal(attend_newest(q[:, :, :1], nothing, nothing), torch.zeros_like(q[:, :, :1]))


def test_a_query_that_sees_no_key_leaves_finite_gradients() -> None:
    q, k, v = (part.requires_grad_() for part in random_qkv(5))
    attend(q, k, v, None, own_position=False).sum().backward()
    for part in (q, k, v):
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()


@pytest.mark.parametrize("size", [1e3, 1e18])
def test_scores_of_any_size_give_finite_weights(size: float) -> None:
    q, k, v = (part.float() for part in random_qkv(9))
    assert torch.isfinite(attend(q * size, k * size**0.5, v, None, own_position=True)).all()


def test_the_newest_position_attends_as_it_does_in_a_whole_sequence() -> None:
    q, k, v = random_qkv(9)
    whole = attend(q, k, v, None, own_position=True)
    assert torch.allclose(attend_newest(q[:, :, -1:], k, v), whole[:, :, -1:], atol=1e-12)
