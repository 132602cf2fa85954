"""Which rows a sparse policy would still have, for every query of a text, evicting from the first token on."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sparse:
    """A policy of docs/policies.md with a fixed number of rows."""

    id: str
    sinks: int
    heavy: int
    recent: int

    @property
    def rows(self) -> int:
        return self.sinks + self.heavy + self.recent

    def as_dict(self) -> dict[str, int | str]:
        own = ("sinks", "recent") if self.heavy == 0 else ("heavy", "recent")
        return {"id": self.id, **{name: getattr(self, name) for name in own}}


SPARSE = ("lambda", "sinks", "h2o", "keyformer")


def sparse_of(name: str, rows: int) -> Sparse:
    """The policies of the table of the models: 4 sinks; half heavy for h2o, 30 % recent for keyformer."""
    if name in ("lambda", "sinks"):
        return Sparse(name, 4, 0, rows - 4)
    recent = rows // 2 if name == "h2o" else max(1, rows * 3 // 10)
    return Sparse(name, 0, rows - recent, recent)


@torch.no_grad()
def rows_kept(policy: Sparse, queries: list[Tensor], own_position: list[bool], keys: Tensor, seed: int) -> Tensor:
    """Whether row `j` is there when query `t` reads: [batch, KV heads, t, j].

    queries       of each reader without a window, [batch, heads, positions, head_dim], rotated
    own_position  whether each of them sees its own position
    keys          [batch, KV heads, positions, head_dim], rotated
    """
    batch, kv_heads, positions, head_dim = keys.shape
    device = keys.device
    at = torch.arange(positions, device=device)
    if policy.heavy == 0:
        stays = ((at[:, None] - at <= policy.recent) | (at < policy.sinks)) & (at <= at[:, None])
        return stays.expand(batch, kv_heads, positions, positions)
    random = torch.Generator().manual_seed(seed)
    kept = torch.zeros(batch, kv_heads, positions, dtype=torch.bool, device=device)
    score = torch.zeros(batch, kv_heads, positions, device=device)
    every = torch.zeros(batch, kv_heads, positions, positions, dtype=torch.bool, device=device)
    for t in range(positions):
        kept[..., t] = True
        every[:, :, t] = kept
        for q, own in zip(queries, own_position, strict=True):
            seen = t + 1 if own else t
            if seen == 0:
                continue
            grouped = q[:, :, t].view(batch, kv_heads, -1, head_dim)
            logits = grouped @ keys[:, :, :seen].mT / math.sqrt(head_dim)
            if policy.id == "keyformer":
                noise = torch.rand(logits.shape, generator=random).to(device).clamp(1e-7, 1 - 1e-7)
                logits = (logits - torch.log(-torch.log(noise))) / (1 + t / positions)
            hidden = ~kept[:, :, None, :seen]
            score[..., :seen] += torch.softmax(logits.masked_fill(hidden, -math.inf), -1).nan_to_num().sum(2)
        candidates = kept & (at < t + 1 - policy.recent)
        if int(candidates[0, 0].sum()) > policy.heavy:
            worst = score.masked_fill(~candidates, math.inf).argmin(-1, keepdim=True)
            kept.scatter_(2, worst, False)
    return every
