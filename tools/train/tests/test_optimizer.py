from copy import deepcopy

import pytest
import torch
from tiny import TINY

from model import Decoder
from optimizer import Muon, Optimizer, orthogonalise


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 5, 17), (2, 17, 5)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    # Five Newton-Schulz iterations with these coefficients settle between 0.7 and 1.2, not at 1.
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_a_step_of_muon_does_not_depend_on_the_size_of_the_gradient() -> None:
    start = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    gradient = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))

    def stepped(size: float) -> torch.Tensor:
        matrix = torch.nn.Parameter(start.clone())
        matrix.grad = gradient * size
        Muon({"matrix": matrix}, momentum=0.95, weight_decay=0.0).step(0.02)
        return matrix.detach()

    assert torch.allclose(stepped(1), stepped(100), atol=1e-5)
    assert not torch.allclose(stepped(1), start, atol=1e-3)


def test_weight_decay_shrinks_a_matrix_without_a_gradient() -> None:
    matrix = torch.nn.Parameter(torch.ones(4, 4))
    matrix.grad = torch.zeros(4, 4)
    Muon({"matrix": matrix}, momentum=0.95, weight_decay=0.5).step(0.1)
    assert torch.allclose(matrix.detach(), torch.full((4, 4), 0.95))


def model_with_gradients(seed: int) -> Decoder:
    model = Decoder(TINY)
    model.initialise(torch.Generator().manual_seed(0))
    give_gradients(model, seed)
    return model


def give_gradients(model: Decoder, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_matrices_go_to_muon_and_embeddings_and_norms_to_adam() -> None:
    model = model_with_gradients(1)
    optimizer = Optimizer(model, muon_rate=0.02, adam_rate=0.003, weight_decay=0.05)
    in_muon = {id(parameter) for parameters, _ in optimizer.muon.stacks for parameter in parameters}
    in_adam = {id(parameter) for group in optimizer.adam.param_groups for parameter in group["params"]}
    assert not in_muon & in_adam
    for name, parameter in model.named_parameters():
        assert (id(parameter) in in_muon) == (parameter.dim() == 2 and "embed_tokens" not in name), name
        assert id(parameter) in in_muon | in_adam, name


def test_a_restored_optimizer_continues_to_the_bit() -> None:
    rates = {"muon_rate": 0.02, "adam_rate": 0.003, "weight_decay": 0.05}
    first = model_with_gradients(1)
    optimizer = Optimizer(first, **rates)
    optimizer.step(1.0)

    second = Decoder(TINY)
    second.load_state_dict(first.state_dict())
    restored = Optimizer(second, **rates)
    restored.restore(deepcopy(optimizer.state()))  # a checkpoint does not alias the tensors of a live optimizer

    for model, continued in ((first, optimizer), (second, restored)):
        give_gradients(model, 2)
        continued.step(0.5)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
