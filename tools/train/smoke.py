"""Whether the trainer works, in a minute, on a text that it makes up: `python tools/train/smoke.py`.

Held: a run that was stopped goes on to the bit; two processes train what one does; the loss falls; parallel mode with
enough passes is sequential mode; an exported checkpoint is read back.
"""

import gzip
import random
import tempfile
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

from export import export
from members import MEMBERS
from model import Config, Decoder
from processes import run_in_processes
from sequential import nats_of
from shipped import load_shipped
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


def write_corpus(folder: Path) -> None:
    words = random.Random(0)
    lines = (" ".join(words.choice(("the", "king", "queen", "fox", "went", "home")) for _ in range(12)) for _ in range(800))
    with gzip.open(folder / "train.txt.gz", "wt", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


def run(name: str, corpus: Path, out: Path, tokens: int, *more: str) -> dict[str, torch.Tensor]:
    """The weights after a run."""
    words = [name, "--corpus", str(corpus), "--out", str(out), "--tokens", str(tokens)]
    chosen = parse_arguments([*words, "--tokens-per-step", str(STEP), "--threads", "1", "--no-compile", *more])
    run_in_processes(chosen.processes, partial(train, name, chosen, TINY))
    return load_checkpoint(out / f"{name}.pt")[0].state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


def hold(what: str, holds: bool) -> None:
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        raise SystemExit(1)


@torch.no_grad()
def modes_agree(layer_types: str) -> bool:
    decoder = Decoder(TINY.sharing(layer_types)).double()
    for parameter in decoder.parameters():
        if parameter.dim() == 2:
            parameter.normal_(std=0.2)
    tokens, targets = torch.randint(TINY.vocab_size, (2, 2, 20))
    logits = decoder.logits(decoder(tokens, torch.float64, forward_passes=20))
    parallel = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    return torch.allclose(parallel, nats_of(decoder, tokens, targets, torch.float64), atol=1e-10)


def smoke(folder: Path) -> None:
    for member in MEMBERS.values():
        hold(f"{member.layer_types}: parallel mode with enough passes is sequential mode", modes_agree(member.layer_types))
    corpus, whole, halves = folder, folder / "whole", folder / "halves"
    write_corpus(corpus)
    base = run("base", corpus, whole, 20 * STEP)
    run("base", corpus, halves, 20 * STEP, "--pause-at", str(8 * STEP))
    hold("a base that was stopped goes on to the bit", same(base, run("base", corpus, halves, 20 * STEP)))
    shared = run("base", corpus, folder / "shared", 20 * STEP, "--processes", "2", "--dtype", "float32")
    alone = run("base", corpus, folder / "alone", 20 * STEP, "--dtype", "float32")
    apart = max((shared[key] - alone[key]).abs().max().item() for key in alone)
    hold(f"two processes train what one does, to {apart:.0e}", apart < 1e-3)
    member = run("lckv", corpus, whole, 10 * STEP)
    run("lckv", corpus, halves, 10 * STEP, "--pause-at", str(4 * STEP))
    hold("a member that was stopped goes on to the bit", same(member, run("lckv", corpus, halves, 10 * STEP)))

    export("lckv", whole, folder / "models")
    decoder, tokenizer = load_shipped(folder / "models" / "fairy-lckv", torch.float32)
    tokens = torch.tensor([tokenizer.encode("the king went home the queen went home the fox").ids])
    with torch.no_grad():
        loss = F.cross_entropy(decoder.logits(decoder(tokens, torch.float32))[0, :-1], tokens[0, 1:]).item()
    hold(f"the exported member foretells the text better than chance ({loss:.2f} nats)", loss < 5)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        smoke(Path(temporary))
