"""Muon for the matrices of the layers, Adam for embeddings and norms.

Muon (Keller Jordan, https://kellerjordan.github.io/posts/muon/) replaces the momentum of a matrix by the nearest
orthogonal matrix, found by a few Newton-Schulz iterations. It learns more from a token than Adam, which matters if
tokens are scarce.
"""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """The approximate orthogonal factors of a stack of matrices [n, rows, columns]."""
    a, b, c = NEWTON_SCHULZ
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


class Muon:
    """Orthogonalized momentum. Matrices of the same shape form one stack."""

    def __init__(self, matrices: dict[str, nn.Parameter], momentum: float, weight_decay: float) -> None:
        self.momentum, self.weight_decay = momentum, weight_decay
        stacks: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for matrix in matrices.values():
            stacks[matrix.shape].append(matrix)
        self.stacks = [
            (params, torch.zeros(len(params), *shape, device=params[0].device)) for shape, params in stacks.items()
        ]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        for params, velocity in self.stacks:
            gradient = torch.stack([p.grad for p in params if p.grad is not None])
            velocity.lerp_(gradient, 1 - self.momentum)
            update = orthogonalise(gradient.lerp_(velocity, self.momentum))
            rows, columns = velocity.shape[1:]
            scale = learning_rate * max(1.0, rows / columns) ** 0.5
            for parameter, change in zip(params, update, strict=True):
                parameter.mul_(1 - learning_rate * self.weight_decay)
                parameter.add_(change.to(parameter.dtype), alpha=-scale)

    def state(self) -> list[Tensor]:
        return [velocity for _, velocity in self.stacks]

    def restore(self, state: list[Tensor]) -> None:
        for (_, velocity), saved in zip(self.stacks, state, strict=True):
            velocity.copy_(saved)


class Optimizer:
    """Both optimizers, driven by one factor of their peak learning rates."""

    def __init__(self, model: nn.Module, muon_rate: float, adam_rate: float, weight_decay: float) -> None:
        self.muon_rate, self.adam_rate = muon_rate, adam_rate
        named = dict(model.named_parameters())
        matrices = {n: p for n, p in named.items() if p.dim() == 2 and "embed_tokens" not in n}
        self.muon = Muon(matrices, momentum=0.95, weight_decay=weight_decay)
        rest = [p for n, p in named.items() if n not in matrices]
        self.adam = torch.optim.Adam(rest, betas=(0.9, 0.95), eps=1e-10, fused=True)

    def step(self, factor: float) -> None:
        """One step at this fraction of the peak learning rates."""
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * factor
        self.adam.step()
        self.muon.step(self.muon_rate * factor)

    def state(self) -> dict[str, Any]:
        return {"muon": self.muon.state(), "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.muon.restore(state["muon"])
        self.adam.load_state_dict(state["adam"])
