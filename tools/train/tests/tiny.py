"""A model and a corpus small enough to train in a second."""

import gzip
import random
from functools import partial
from pathlib import Path

import torch

from model import Config, Decoder
from processes import run_in_processes
from train import load_checkpoint, parse_arguments, train

TINY = Config(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=48,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=16,
    max_position_embeddings=64,
    sliding_window=8,
)
STEP = 256
"""Tokens per step."""

WORDS = ("the", "king", "queen", "fox", "went", "home")

Weights = dict[str, torch.Tensor]


def write_corpus(folder: Path) -> None:
    choose = random.Random(0)
    lines = (" ".join(choose.choice(WORDS) for _ in range(12)) for _ in range(800))
    with gzip.open(folder / "train.txt.gz", "wt", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


def run(name: str, corpus: Path, out: Path, tokens: int, *more: str) -> Weights:
    """The weights after a run."""
    words = [name, "--corpus", str(corpus), "--out", str(out), "--tokens", str(tokens)]
    chosen = parse_arguments([*words, "--tokens-per-step", str(STEP), "--threads", "1", "--no-compile", *more])
    run_in_processes(chosen.processes, partial(train, name, chosen, TINY))
    return load_checkpoint(out / f"{name}.pt")[0].state_dict()


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@torch.no_grad()
def random_decoder(layer_types: str) -> Decoder:
    """A decoder in float64 with random weights, none of them zero."""
    generator = torch.Generator().manual_seed(0)
    decoder = Decoder(TINY.sharing(layer_types)).double()
    for parameter in decoder.parameters():
        if parameter.dim() == 2:
            parameter.normal_(std=0.2, generator=generator)
    return decoder
