"""Several processes that train one model, each with a part of every step's windows.

On a machine with few cores this is faster than threads: processes meet once per step, threads at every product.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Processes:
    """The processes of a run, as one of them sees them."""

    def __init__(self, rank: int, count: int, meeting: str) -> None:
        self.rank, self.count = rank, count
        if count > 1:
            dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)

    def share(self, windows: Tensor) -> Tensor:
        """The windows of a step that this process computes. All processes get equally many."""
        if windows.shape[0] % self.count:
            raise ValueError(f"a step of {windows.shape[0]} windows cannot be divided among {self.count} processes")
        return windows.chunk(self.count)[self.rank]

    def average(self, model: nn.Module, loss: Tensor) -> float:
        """Replaces every gradient by the mean over all processes, and returns the mean loss."""
        if self.count == 1:
            return loss.item()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        together = torch.cat([loss.detach().view(1), *(gradient.flatten() for gradient in gradients)])
        dist.all_reduce(together)
        together /= self.count
        mean, *parts = together.split([1, *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return mean.item()


def _run(rank: int, count: int, meeting: str, work: Callable[[Processes], None]) -> None:
    work(Processes(rank, count, meeting))


def run_in_processes(count: int, work: Callable[[Processes], None]) -> None:
    """Runs `work` in `count` processes; a single one is this process. Raises what the first failing process raised."""
    if count == 1:
        work(Processes(0, 1, ""))
        return
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_run, (count, str(Path(folder) / "meeting"), work), nprocs=count)
