"""Writes tests/fixtures/golden-gradients: what PyTorch's automatic differentiation says about tiny models.

    python tools/golden-heal/make_gradients.py

Each case is the mean cross entropy of two sequences in float64, with LCKV's passes: m without gradients, then b with
them. Weights and tokens are made by `number`, which the test has too, so that a case holds results only. The decoder here
is written for this script alone, without blocks or fusions: attention has its whole mask as a matrix.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

OUT = Path(__file__).parents[2] / "tests" / "fixtures" / "golden-gradients"
STEPS = 3
WARM_UP_STEPS = 2
RATE = 0.01


@dataclass(frozen=True)
class Case:
    layer_types: str
    passes: tuple[int, int] = (1, 2)
    nodiag: bool = False
    tied: bool = True
    biases: bool = False
    qk_norm: bool = False
    vocab: int = 23
    hidden: int = 12
    inner: int = 20
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 8
    window: int = 9
    tokens: int = 70
    eps: float = 1e-5
    theta: float = 10000.0


CASES = {
    "llama": Case("0_1_2_3_4_5"),
    "lckv": Case("0_4_4_4_4_5"),
    "lckv-no-first-pass": Case("0_4_4_4_4_5", passes=(0, 2), tied=False),
    "sandwich-middle": Case("0_2_2_2_2_5", passes=(3, 2)),
    "cla": Case("0_0_2_2_4_4"),
    "yoco": Case("0s_1s_2s_3_3_3"),
    "mixattention": Case("0_1s_1s_3s_3s_0"),
    "above-through-window": Case("1s_1_4_2s_4_5s"),
    "everything": Case("0_4_4_4s_4_5", nodiag=True, tied=False, biases=True, qk_norm=True),
}


def number(index: int) -> float:
    """Between -1 and 1, the same in every language: a hash of 32 bits (Wang's)."""
    x = index & 0xFFFFFFFF
    x = ((x ^ 61) ^ (x >> 16)) & 0xFFFFFFFF
    x = (x * 9) & 0xFFFFFFFF
    x ^= x >> 4
    x = (x * 0x27D4EB2D) & 0xFFFFFFFF
    x ^= x >> 15
    return x / 2**31 - 1


def parse(text: str) -> list[tuple[int, bool]]:
    return [(int(entry.rstrip("s")), entry.endswith("s")) for entry in text.split("_")]


def tensors(case: Case) -> dict[str, tuple[int, ...]]:
    """Names and shapes, in the order of gpu/plan/weight-specs.ts."""
    q, kv = case.heads * case.head_dim, case.kv_heads * case.head_dim
    layers = parse(case.layer_types)
    own = {reads for reads, _ in layers}
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (case.vocab, case.hidden)}
    for i in range(len(layers)):
        attention, mlp = f"model.layers.{i}.self_attn", f"model.layers.{i}.mlp"
        shapes[f"model.layers.{i}.input_layernorm.weight"] = (case.hidden,)
        shapes[f"{attention}.q_proj.weight"] = (q, case.hidden)
        if case.biases:
            shapes[f"{attention}.q_proj.bias"] = (q,)
        if case.qk_norm:
            shapes[f"{attention}.q_norm.weight"] = (case.head_dim,)
        if i in own:
            shapes[f"{attention}.k_proj.weight"] = (kv, case.hidden)
            shapes[f"{attention}.v_proj.weight"] = (kv, case.hidden)
            if case.biases:
                shapes[f"{attention}.k_proj.bias"] = (kv,)
                shapes[f"{attention}.v_proj.bias"] = (kv,)
            if case.qk_norm:
                shapes[f"{attention}.k_norm.weight"] = (case.head_dim,)
        shapes[f"{attention}.o_proj.weight"] = (case.hidden, q)
        if case.biases:
            shapes[f"{attention}.o_proj.bias"] = (case.hidden,)
        shapes[f"model.layers.{i}.post_attention_layernorm.weight"] = (case.hidden,)
        shapes[f"{mlp}.gate_proj.weight"] = (case.inner, case.hidden)
        shapes[f"{mlp}.up_proj.weight"] = (case.inner, case.hidden)
        shapes[f"{mlp}.down_proj.weight"] = (case.hidden, case.inner)
        if case.biases:
            shapes[f"{mlp}.gate_proj.bias"] = (case.inner,)
            shapes[f"{mlp}.up_proj.bias"] = (case.inner,)
            shapes[f"{mlp}.down_proj.bias"] = (case.hidden,)
    shapes["model.norm.weight"] = (case.hidden,)
    if not case.tied:
        shapes["lm_head.weight"] = (case.vocab, case.hidden)
    return shapes


def weights(case: Case) -> dict[str, torch.Tensor]:
    """float32 numbers around 1 for norms and 0 for the rest, in float64."""
    made, index = {}, 0
    for name, shape in tensors(case).items():
        count = torch.Size(shape).numel()
        values = torch.tensor([number(index + i) for i in range(count)], dtype=torch.float64).view(shape)
        index += count
        scaled = 1 + values / 4 if "norm" in name else values / 2
        made[name] = scaled.float().double()
    return made


def sequences(case: Case) -> torch.Tensor:
    count = 2 * (case.tokens + 1)
    draws = [int((number(10**6 + i) + 1) / 2 * case.vocab) for i in range(count)]
    return torch.tensor(draws).view(2, -1)


def rms(x: torch.Tensor, gain: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * gain


def rotate(x: torch.Tensor, theta: float) -> torch.Tensor:
    """[batch, heads, positions, head_dim]"""
    dim = x.shape[-1]
    frequencies = theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = torch.outer(torch.arange(x.shape[2], dtype=torch.float64), frequencies)
    low, high = x.chunk(2, -1)
    return torch.cat([low * angles.cos() - high * angles.sin(), high * angles.cos() + low * angles.sin()], -1)


class Run:
    """One computation of the loss."""

    def __init__(self, case: Case, weights: dict[str, torch.Tensor]) -> None:
        self.case, self.weights, self.layers = case, weights, parse(case.layer_types)

    def project(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def heads(self, layer: int, part: str, x: torch.Tensor) -> torch.Tensor:
        case, name = self.case, f"model.layers.{layer}.self_attn"
        split = self.project(f"{name}.{part}_proj", x).unflatten(-1, (-1, case.head_dim)).transpose(1, 2)
        if part != "v" and case.qk_norm:
            split = rms(split, self.weights[f"{name}.{part}_norm.weight"], case.eps)
        return split if part == "v" else rotate(split, case.theta)

    def layer(self, i: int, x: torch.Tensor, kv: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        case, name = self.case, f"model.layers.{i}"
        reads, windowed = self.layers[i]
        normed = rms(x, self.weights[f"{name}.input_layernorm.weight"], case.eps)
        if f"{name}.self_attn.k_proj.weight" in self.weights:
            kv[i] = self.heads(i, "k", normed), self.heads(i, "v", normed)
        q = self.heads(i, "q", normed)
        if reads in kv:
            k, v = (part.repeat_interleave(case.heads // case.kv_heads, 1) for part in kv[reads])
        else:
            k = v = torch.zeros_like(q)
        position = torch.arange(x.shape[1])
        back = position[:, None] - position[None]
        seen = back >= (1 if reads > i or case.nodiag else 0)
        if windowed:
            seen = seen & (back < case.window)
        scores = (q @ k.mT / case.head_dim**0.5).masked_fill(~seen, float("-inf"))
        scores = torch.where(seen.any(-1, keepdim=True), scores, 0.0)
        attended = torch.where(seen.any(-1, keepdim=True), scores.softmax(-1), 0.0) @ v
        x = x + self.project(f"{name}.self_attn.o_proj", attended.transpose(1, 2).flatten(2))
        normed = rms(x, self.weights[f"{name}.post_attention_layernorm.weight"], case.eps)
        gate, up = self.project(f"{name}.mlp.gate_proj", normed), self.project(f"{name}.mlp.up_proj", normed)
        return x + self.project(f"{name}.mlp.down_proj", F.silu(gate) * up)

    def groups(self) -> list[tuple[int, int, bool]]:
        reads = [target for target, _ in self.layers]
        cut, start = [], 0
        while start < len(reads):
            above = reads[start] > start
            stop = start + 1
            if above:
                top = reads[start]
                while max(reads[start : top + 1]) > top:
                    top = max(reads[start : top + 1])
                stop = top + 1
            cut.append((start, stop, above))
            start = stop
        return cut

    def loss(self, tokens: torch.Tensor, m: int, b: int) -> torch.Tensor:
        """Mean nats per token."""
        hidden = F.embedding(tokens[:, :-1], self.weights["model.embed_tokens.weight"])
        kv: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        for start, stop, iterated in self.groups():
            entered = hidden
            for n in range(m + b if iterated else 1):
                with torch.set_grad_enabled(torch.is_grad_enabled() and (n >= m or not iterated)):
                    hidden = entered
                    for i in range(start, stop):
                        hidden = self.layer(i, hidden, kv)
        hidden = rms(hidden, self.weights["model.norm.weight"], self.case.eps)
        logits = F.linear(hidden, self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"]))
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def is_projection(name: str) -> bool:
    return "k_proj" in name or "v_proj" in name or "k_norm" in name


def train(case: Case, tokens: torch.Tensor) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Losses of a few steps on the projections alone, and the projections after them."""
    held = weights(case)
    trained = {name: tensor.requires_grad_() for name, tensor in held.items() if is_projection(name)}
    optimizer = torch.optim.AdamW(trained.values(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
    losses = []
    for step in range(STEPS):
        # gpu/train/recipe.ts
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / WARM_UP_STEPS) * (1 - 0.9 * step / STEPS)
        loss = Run(case, held).loss(tokens, *case.passes)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses, trained


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    answers = {}
    for name, case in CASES.items():
        tokens = sequences(case)
        held = {tensor: values.requires_grad_() for tensor, values in weights(case).items()}
        loss = Run(case, held).loss(tokens, *case.passes)
        loss.backward()
        losses, trained = train(case, tokens)
        with torch.no_grad():
            evaluated = Run(case, held).loss(tokens, 7, 2).item()
        gradients = {tensor: values.grad.float() for tensor, values in held.items()}
        after = {f"after/{tensor}": values.detach().float().clone() for tensor, values in trained.items()}
        save_file(gradients | after, OUT / f"{name}.safetensors")
        answers[name] = asdict(case) | {
            "loss": loss.item(),
            "evaluated": evaluated,
            "rate": RATE,
            "warm_up_steps": WARM_UP_STEPS,
            "losses": losses,
        }
        print(name, loss.item(), evaluated)
    (OUT / "cases.json").write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
