"""Checks the card of a shipped model with PyTorch: both decoders must give the same loss, in both modes.

    python tools/train/check.py fairy-lckv --corpus CORPUS --models public/models

Also measures the loss by position in a whole context. Books differ more than positions do, so overlapping windows bring
the same tokens to both positions. Writes check.json beside the weights. Fails if kvtab's own decoder is off by more
than 0.1 %, or if the end of the context is worse than its beginning.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export import write_json
from model import Decoder
from sequential import nats_of
from shipped import held_out_chain, held_out_tokens, held_out_windows, load_shipped

WINDOWS, WINDOW_TOKENS = 200, 255
CHAINS, CHAIN_WINDOWS, CHAIN_STRIDE = 8, 20, 128
AT_ONCE = 40
MOST_APART = 0.001


@torch.no_grad()
def parallel_nats(decoder: Decoder, inputs: Tensor, targets: Tensor) -> Tensor:
    """Nats of every target [windows, positions], with the model's own number of passes."""
    parts = []
    for some, wanted in zip(inputs.split(AT_ONCE), targets.split(AT_ONCE), strict=True):
        logits = decoder.logits(decoder(some, torch.float32))
        parts.append(F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view_as(wanted))
    return torch.cat(parts)


def both_modes(decoder: Decoder, inputs: Tensor, targets: Tensor, text_bytes: int) -> dict[str, dict[str, float]]:
    """What `npm run evaluate` measures, computed by PyTorch; text_bytes is the length of the targets as text."""
    nats = {
        "sequential": nats_of(decoder, inputs, targets, torch.float32).mean().item(),
        "parallel": parallel_nats(decoder, inputs, targets).mean().item(),
    }
    per_byte = targets.numel() / math.log(2) / text_bytes
    return {
        mode: {"natsPerToken": value, "bitsPerByte": value * per_byte, "perplexity": math.exp(value)}
        for mode, value in nats.items()
    }


def by_position(decoder: Decoder, tokens: np.ndarray, context: int) -> tuple[float, float]:
    """Mean nats of the same tokens, at positions 64 to 256 and in the last quarter of a context."""
    early, late = [], []
    for chain in range(CHAINS):
        inputs, targets = held_out_chain(tokens, chain / CHAINS, CHAIN_WINDOWS, CHAIN_STRIDE, context)
        nats = parallel_nats(decoder, inputs, targets)
        (at_first, counted), (at_last, counted_too) = (
            mean_by_token(nats, first, last) for first, last in ((64, 256), (context * 3 // 4, context))
        )
        both = counted & counted_too
        early.append(at_first[both])
        late.append(at_last[both])
    return torch.cat(early).mean().item(), torch.cat(late).mean().item()


def mean_by_token(nats: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    """For every token of a chain's text: the mean of `nats` [windows, positions] over the windows that have it at
    positions `first` up to `last`, and whether there is such a window."""
    windows, positions = nats.shape
    places = torch.arange(windows)[:, None] * CHAIN_STRIDE + torch.arange(first, last)
    nothing = torch.zeros((windows - 1) * CHAIN_STRIDE + positions)
    some = nats[:, first:last].flatten()
    sums = nothing.index_add(0, places.flatten(), some)
    counts = nothing.index_add(0, places.flatten(), torch.ones_like(some))
    return sums / counts.clamp(min=1), counts > 0


def check(folder: Path, corpus: Path) -> list[str]:
    """Measures one model, writes what it found, and returns what is wrong."""
    decoder, tokenizer = load_shipped(folder, torch.float32)
    tokens = held_out_tokens(corpus, tokenizer)

    def measure(windows: int) -> dict[str, dict[str, float]]:
        inputs, targets = held_out_windows(tokens, windows, WINDOW_TOKENS)
        text_bytes = sum(len(tokenizer.decode(window).encode()) for window in targets.tolist())
        return both_modes(decoder, inputs, targets, text_bytes)

    context = decoder.config.max_position_embeddings
    early, late = by_position(decoder, tokens, context)
    found = {"windows": WINDOWS, **measure(WINDOWS), "earlyNats": early, "lateNats": late, "contextTokens": context}
    write_json(folder / "check.json", found)
    print(folder.name, json.dumps(found), flush=True)

    wrong = []
    if late > early:
        wrong.append(f"the last quarter of the context costs {late:.4f} nats, tokens 64 to 256 only {early:.4f}")
    card = folder / "evaluation.json"
    if not card.exists():
        return [*wrong, "there is no evaluation.json to compare with: run npm run evaluate first"]
    evaluation = json.loads(card.read_text())
    here = found if evaluation["windows"] == WINDOWS else measure(evaluation["windows"])
    for mode in ("sequential", "parallel"):
        kvtab, torch_nats = evaluation[mode]["natsPerToken"], here[mode]["natsPerToken"]
        print(
            f"{folder.name}, {mode}, {evaluation['windows']} windows: kvtab {kvtab:.5f}, PyTorch {torch_nats:.5f} nats"
        )
        if abs(kvtab / torch_nats - 1) > MOST_APART:
            wrong.append(f"{mode}: kvtab gives {kvtab:.5f} nats, PyTorch {torch_nats:.5f}")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="folders in the folder of models")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    if chosen.threads is not None:
        torch.set_num_threads(chosen.threads)
    problems = [f"{name}: {problem}" for name in chosen.names for problem in check(chosen.models / name, chosen.corpus)]
    print("\n".join(problems) or "PyTorch agrees", file=sys.stderr)
    sys.exit(1 if problems else 0)
