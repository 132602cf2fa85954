"""A LLaMA decoder whose layers may read the keys and values of others (`layer_types`).

It computes what docs/semantics.md defines, in parallel mode. A group that reads above itself is iterated from zero keys
and values: first without gradients, then with gradients (arXiv 2405.10637, section 3.2). Parameters are float32 and
named as in a checkpoint. A pass computes in the type that the caller asks for.
"""

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layer_types import cut_into_groups, owners, parse_layer_types


@dataclass(frozen=True)
class Config:
    """The fields of config.json that decide what is computed."""

    vocab_size: int = 4096
    hidden_size: int = 256
    intermediate_size: int = 384
    num_hidden_layers: int = 8
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 512
    layer_types: str = "0_1_2_3_4_5_6_7"
    sliding_window: int = 64
    forward_passes: int = 7
    backward_passes: int = 2

    def sharing(self, layer_types: str) -> "Config":
        """The same model under another plan."""
        return replace(self, layer_types=layer_types)

    def as_dict(self) -> dict[str, int | float | str]:
        return asdict(self)


class LayerWeights(NamedTuple):
    """A layer's weights in the type of a pass; projections that read the same input are one matrix."""

    norm: Tensor
    qkv: Tensor
    """Rows of the queries, then, if the layer owns KV, those of keys and values."""
    o: Tensor
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor


QUERY_BLOCK = 64
"""How many queries attention works on at once: the fastest of 64 to 512 on two CPU cores."""

KeysValues = tuple[Tensor, Tensor]
"""Both [batch, KV heads, positions, head_dim]; keys are rotated."""


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, rotate-half convention; x [batch, positions, heads, head_dim]."""
    low, high = x.chunk(2, -1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)


def rope_tables(
    config: Config, start: int, stop: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of positions `start` up to `stop`, each [positions, 1, head_dim / 2]."""
    steps = torch.arange(0, config.head_dim, 2, device=device, dtype=torch.float64)
    frequencies = config.rope_theta ** (-steps / config.head_dim)
    angles = torch.outer(torch.arange(start, stop, device=device, dtype=torch.float64), frequencies)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def project_qkv(x: Tensor, norm: Tensor, qkv: Tensor, cos: Tensor, sin: Tensor, config: Config) -> tuple[Tensor, ...]:
    """Queries, keys and values [batch, heads, positions, head_dim]; only queries if `qkv` has no other rows."""
    batch, positions, _ = x.shape
    heads = F.linear(rms_norm(x, norm, config.rms_norm_eps), qkv).view(batch, positions, -1, config.head_dim)
    query_heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    if heads.shape[2] == query_heads:
        return (rotate(heads, cos, sin).transpose(1, 2),)
    turned = rotate(heads[:, :, : query_heads + kv_heads], cos, sin).transpose(1, 2)
    return turned[:, :query_heads], turned[:, query_heads:], heads[:, :, query_heads + kv_heads :].transpose(1, 2)


def finish_layer(x: Tensor, attended: Tensor | None, weights: LayerWeights, eps: float) -> Tensor:
    """Adds attention ([batch, heads, positions, head_dim], or nothing) and the MLP to the residual stream."""
    if attended is not None:
        x = x + F.linear(attended.transpose(1, 2).flatten(2), weights.o)
    gate, up = F.linear(rms_norm(x, weights.mlp_norm, eps), weights.gate_up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, weights.down)


def attend(q: Tensor, k: Tensor, v: Tensor, window: int | None, own_position: bool) -> Tensor:
    """Causal attention, in blocks of queries that read only the keys they can see; q, k, v [batch, heads, positions,
    head_dim].

    window        how many of the newest positions a query sees, its own included; None: all
    own_position  whether a query sees its own position
    """
    batch, heads, positions, head_dim = q.shape
    kv_heads = k.shape[1]
    wide = q.dtype if q.dtype == torch.float64 else torch.float32
    q = q * head_dim**-0.5
    # A finite minus infinity: a query that sees no key must give zero, and infinity minus infinity is NaN.
    nothing = -1e30
    blocks = []
    for start in range(0, positions, QUERY_BLOCK):
        stop = min(start + QUERY_BLOCK, positions)
        first = 0 if window is None else max(0, start - window + 1)
        queries = q[:, :, start:stop].reshape(batch * kv_heads, -1, head_dim)
        keys, values = (part[:, :, first:stop].reshape(batch * kv_heads, -1, head_dim) for part in (k, v))
        scores = (queries @ keys.mT).view(batch, heads, stop - start, stop - first).to(wide)
        back = torch.arange(start, stop, device=q.device)[:, None] - torch.arange(first, stop, device=q.device)
        hidden = back < (0 if own_position else 1)
        if window is not None:
            hidden = hidden | (back >= window)
        scores = scores + torch.where(hidden, nothing, 0.0)
        # Dividing the result is cheaper than dividing the many weights. The highest score gives 1, so the sum is >= 1.
        weights = torch.exp(scores - scores.detach().amax(-1, keepdim=True).clamp(min=nothing / 2))
        total = weights.sum(-1, keepdim=True).clamp(min=1).to(q.dtype)
        seen = weights.to(q.dtype).view(batch * kv_heads, -1, stop - first) @ values
        blocks.append(seen.view(batch, heads, stop - start, head_dim) / total)
    return torch.cat(blocks, 2)


def attend_newest(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of one new position, q [batch, heads, 1, head_dim], to every key in k; zero if there is none."""
    repeats = q.shape[1] // k.shape[1]
    keys, values = (part.repeat_interleave(repeats, 1) for part in (k, v))
    scores = (q * q.shape[-1] ** -0.5) @ keys.mT
    return torch.softmax(scores, -1) @ values


def next_token_loss(hidden: Tensor, norm: Tensor, embedding: Tensor, targets: Tensor, eps: float) -> Tensor:
    """Mean cross entropy in nats of hidden states [batch, positions, hidden_size] before the final norm."""
    logits = F.linear(rms_norm(hidden, norm, eps), embedding)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


class Layer(nn.Module):
    """The parameters of one layer, named as in a checkpoint."""

    def __init__(self, config: Config, owns_kv: bool) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        q_rows, kv_rows = (n * config.head_dim for n in (config.num_attention_heads, config.num_key_value_heads))
        self.input_layernorm = nn.RMSNorm(hidden)
        self.post_attention_layernorm = nn.RMSNorm(hidden)
        self.self_attn = nn.Module()
        self.self_attn.q_proj = nn.Linear(hidden, q_rows, bias=False)
        if owns_kv:
            self.self_attn.k_proj = nn.Linear(hidden, kv_rows, bias=False)
            self.self_attn.v_proj = nn.Linear(hidden, kv_rows, bias=False)
        self.self_attn.o_proj = nn.Linear(q_rows, hidden, bias=False)
        self.mlp = nn.Module()
        self.mlp.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.mlp.up_proj = nn.Linear(hidden, inner, bias=False)
        self.mlp.down_proj = nn.Linear(inner, hidden, bias=False)
        self.owns_kv = owns_kv

    def cast(self, dtype: torch.dtype) -> LayerWeights:
        attention, mlp = self.self_attn, self.mlp
        projections = [attention.q_proj, *([attention.k_proj, attention.v_proj] if self.owns_kv else [])]
        return LayerWeights(
            self.input_layernorm.weight.to(dtype),
            torch.cat([projection.weight.to(dtype) for projection in projections]),
            attention.o_proj.weight.to(dtype),
            self.post_attention_layernorm.weight.to(dtype),
            torch.cat([mlp.gate_proj.weight.to(dtype), mlp.up_proj.weight.to(dtype)]),
            mlp.down_proj.weight.to(dtype),
        )


class Decoder(nn.Module):
    """The whole decoder; embeddings and the output matrix are tied."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.entries = parse_layer_types(config.layer_types)
        if len(self.entries) != config.num_hidden_layers:
            raise ValueError(f"layer_types has {len(self.entries)} entries for {config.num_hidden_layers} layers")
        self.groups = cut_into_groups(self.entries)
        own = owners(self.entries)
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.model.layers = nn.ModuleList(Layer(config, i in own) for i in range(config.num_hidden_layers))
        self.model.norm = nn.RMSNorm(config.hidden_size)
        # The trainer compiles these; the checks run them as they are.
        self.project_qkv = project_qkv
        self.attend = attend
        self.finish_layer = finish_layer
        self.next_token_loss = next_token_loss

    def initialise(self, generator: torch.Generator) -> None:
        """Random weights. The outputs of attention and MLP start at zero, so every layer starts as the identity."""
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                nn.init.ones_(parameter)
            elif name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(parameter)
            elif name.endswith("embed_tokens.weight"):
                nn.init.normal_(parameter, std=0.02, generator=generator)
            else:
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5, generator=generator)

    def compile_parts(self) -> None:
        """Fuses the element-wise work, which takes most of the time on a CPU. Each part is compiled once per shape."""
        torch._dynamo.config.recompile_limit = 64
        self.project_qkv = torch.compile(project_qkv, dynamic=False)
        self.attend = torch.compile(attend, dynamic=False)
        self.finish_layer = torch.compile(finish_layer, dynamic=False)
        self.next_token_loss = torch.compile(next_token_loss, dynamic=False)

    def forward(
        self,
        tokens: Tensor,
        dtype: torch.dtype,
        forward_passes: int | None = None,
        backward_passes: int | None = None,
        cache: dict[int, KeysValues] | None = None,
    ) -> Tensor:
        """The last layer's hidden states [batch, positions, hidden_size] of tokens [batch, positions].

        cache  receives the keys and values of the last pass, by owner
        """
        config = self.config
        m = config.forward_passes if forward_passes is None else forward_passes
        b = config.backward_passes if backward_passes is None else backward_passes
        weights = [layer.cast(dtype) for layer in self.model.layers]
        tables = rope_tables(config, 0, tokens.shape[1], tokens.device, dtype)
        hidden = F.embedding(tokens, self.model.embed_tokens.weight).to(dtype)
        kv = {} if cache is None else cache
        for group in self.groups:
            if not group.iterated:
                hidden = self.run(hidden, group.start, group.stop, weights, kv, tables)
                continue
            entered = hidden
            for n in range(m + b):
                with torch.set_grad_enabled(torch.is_grad_enabled() and n >= m):
                    hidden = self.run(entered, group.start, group.stop, weights, kv, tables)
        return hidden

    def run(
        self,
        x: Tensor,
        start: int,
        stop: int,
        weights: list[LayerWeights],
        kv: dict[int, KeysValues],
        tables: tuple[Tensor, Tensor],
    ) -> Tensor:
        """One pass over the layers `start` up to `stop`; leaves their keys and values in `kv`."""
        for i in range(start, stop):
            entry, layer = self.entries[i], weights[i]
            q, *new = self.project_qkv(x, layer.norm, layer.qkv, *tables, self.config)
            # A layer that reads above gets the pass before. In the first pass that is zero, and so is its attention.
            above = entry.reads_from > i
            read = kv.get(entry.reads_from) if above else None
            if new:
                kv[i] = (new[0], new[1])
            if not above:
                read = kv[entry.reads_from]
            window = self.config.sliding_window if entry.windowed else None
            attended = None if read is None else self.attend(q, *read, window, not above)
            x = self.finish_layer(x, attended, layer, self.config.rms_norm_eps)
        return x

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean nats per token, from the hidden states of the last layer."""
        norm, embedding = (p.to(hidden.dtype) for p in (self.model.norm.weight, self.model.embed_tokens.weight))
        return self.next_token_loss(hidden, norm, embedding, targets, self.config.rms_norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """[batch, positions, vocab_size]"""
        norm, embedding = (p.to(hidden.dtype) for p in (self.model.norm.weight, self.model.embed_tokens.weight))
        return F.linear(rms_norm(hidden, norm, self.config.rms_norm_eps), embedding)


def convert(source: Decoder, config: Config) -> Decoder:
    """A plain LLaMA under another plan: each owner gets the mean of its readers' key and value weights."""
    target = Decoder(config)
    have = source.state_dict()
    state = {}
    for name in target.state_dict():
        parts = name.split(".")
        if parts[-2] in ("k_proj", "v_proj"):
            owner = int(parts[2])
            readers = [i for i, entry in enumerate(target.entries) if entry.reads_from == owner]
            state[name] = torch.stack([have[".".join([*parts[:2], str(i), *parts[3:]])] for i in readers]).mean(0)
        else:
            state[name] = have[name].clone()
    target.load_state_dict(state)
    return target
