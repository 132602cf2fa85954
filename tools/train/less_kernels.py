"""The kernels of LESS (docs/policies.md): their parameters in training, and the tensors that kvtab reads."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

Tensors = dict[str, Tensor]


class Kernel(nn.Module):
    """|gelu(gelu(x w1) w2) w3| for each head; without w3 if `mixed` is false. x [..., heads, positions, head_dim]."""

    def __init__(self, heads: int, head_dim: int, hidden: int, rank: int, mixed: bool, random: torch.Generator) -> None:
        super().__init__()

        def uniform(*shape: int) -> nn.Parameter:
            bound = math.sqrt(6 / (shape[-1] + shape[-2]))
            return nn.Parameter((torch.rand(*shape, generator=random) * 2 - 1) * bound)

        self.w1 = uniform(heads, head_dim, hidden)
        self.w2 = uniform(heads, hidden, rank)
        if mixed:
            # As published: a scaled identity, and a little of everything else.
            self.scale = nn.Parameter(torch.full((heads, rank), 1e-2))
            self.interaction = uniform(heads, rank, rank)
            self.interaction_scale = nn.Parameter(torch.full((heads, rank), 1e-4))
        self.mixed = mixed

    def w3(self) -> Tensor:
        return mix(self.scale, self.interaction, self.interaction_scale)

    def forward(self, x: Tensor) -> Tensor:
        features = F.gelu(F.gelu(x @ self.w1) @ self.w2)
        return (features @ self.w3() if self.mixed else features).abs()

    def tensors(self) -> Tensors:
        own = {"w1": self.w1, "w2": self.w2, **({"w3": self.w3()} if self.mixed else {})}
        return {name: value.detach().contiguous() for name, value in own.items()}


def mix(scale: Tensor, interaction: Tensor, interaction_scale: Tensor) -> Tensor:
    """w3[a][b] = |scale[a]| · ([a = b] + interaction[a][b] · interaction_scale[b]); all [heads, ...]"""
    rank = interaction.shape[-1]
    return scale.abs()[:, :, None] * (
        torch.eye(rank, device=scale.device) + interaction * interaction_scale[:, None, :]
    )


def convert_published(folder: Path, out: Path) -> list[int]:
    """Converts the authors' checkpoints, one `layer_{i}.pth` for each layer. Returns the layers that there are."""
    tensors: Tensors = {}
    layers = sorted(int(file.stem.removeprefix("layer_")) for file in folder.glob("layer_*.pth"))
    if not layers:
        raise FileNotFoundError(f"{folder} has no layer_0.pth")
    for layer in layers:
        # Only tensors are read: a checkpoint may be a stranger's.
        stored = torch.load(folder / f"layer_{layer}.pth", map_location="cpu", weights_only=True)

        def find(name: str, stored: Tensors = stored, layer: int = layer) -> Tensor:
            found = [value for key, value in stored.items() if key.split(".")[-1] == name]
            if len(found) != 1:
                raise KeyError(f"layer_{layer}.pth has {len(found)} tensors called {name}")
            return found[0].float().squeeze(0) if found[0].dim() == 4 else found[0].float()

        heads = find("interaction_k").shape[0]
        w3 = mix(find("scalingD").reshape(heads, -1), find("interaction_k"), find("scalingD2").reshape(heads, -1))
        parts = {
            "phi.w1": find("kernel_q_mat1"),
            "phi.w2": find("kernel_q_mat2"),
            "psi.w1": find("kernel_k_mat1"),
            "psi.w2": find("kernel_k_mat2"),
            "psi.w3": w3,
        }
        tensors |= {f"layers.{layer}.{part}": value.contiguous() for part, value in parts.items()}
    save_file(tensors, out, metadata={"format": "pt", "kind": "less-kernels"})
    return layers
