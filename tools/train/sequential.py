"""Decoding token by token: the definition of the model, which parallel mode approximates."""

import torch
from torch import Tensor

from model import Decoder, KeysValues, attend_newest, rope_tables

Cache = dict[int, KeysValues]


def step(decoder: Decoder, tokens: Tensor, position: int, cache: Cache, dtype: torch.dtype) -> Tensor:
    """The logits [batch, vocab_size] after one more token per sequence, tokens [batch]. Adds its rows to the cache."""
    config = decoder.config
    tables = rope_tables(config, position, position + 1, tokens.device, dtype)
    x = torch.nn.functional.embedding(tokens[:, None], decoder.model.embed_tokens.weight).to(dtype)
    for i, entry in enumerate(decoder.entries):
        weights = decoder.model.layers[i].cast(dtype)
        q, *new = decoder.project_qkv(x, weights.norm, weights.qkv, *tables, config)
        if new:
            old = cache.get(i)
            key, value = new
            cache[i] = (key, value) if old is None else (torch.cat([old[0], key], 2), torch.cat([old[1], value], 2))
        # An owner above has not seen this token yet, so its cache ends one position earlier.
        read = cache.get(entry.reads_from)
        attended = None
        if read is not None:
            first = max(0, position - config.sliding_window + 1) if entry.windowed else 0
            attended = attend_newest(q, read[0][:, :, first:], read[1][:, :, first:])
        x = decoder.finish_layer(x, attended, weights, config.rms_norm_eps)
    return decoder.logits(x)[:, 0]


@torch.no_grad()
def nats_of(decoder: Decoder, inputs: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
    """Nats of every target [windows, positions], each window read token by token."""
    cache: Cache = {}
    nats = []
    for position in range(inputs.shape[1]):
        logits = step(decoder, inputs[:, position], position, cache, dtype)
        nats.append(torch.nn.functional.cross_entropy(logits, targets[:, position], reduction="none"))
    return torch.stack(nats, 1)
