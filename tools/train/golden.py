"""Writes golden.json of a shipped model: the greedy text after three prompts, computed from its weights in float64.

python tools/train/golden.py fairy-lckv --models public/models
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from export import write_json
from model import Decoder
from sequential import Cache, step
from shipped import load_shipped

PROMPTS = (
    "Once upon a time there was a king who",
    'The fox said to the little girl, "',
    "In the middle of the forest stood an old house, and every night",
)
NEW_TOKENS = 64


def prefill_in_parallel(decoder: Decoder, prompt: list[int]) -> tuple[Tensor, Cache]:
    """Logits [vocab_size] after the prompt, and the cache that parallel mode leaves."""
    cache: Cache = {}
    hidden = decoder(torch.tensor([prompt]), torch.float64, cache=cache)
    return decoder.logits(hidden)[0, -1], cache


def prefill_in_sequence(decoder: Decoder, prompt: list[int]) -> tuple[Tensor, Cache]:
    cache: Cache = {}
    logits = [step(decoder, torch.tensor([token]), i, cache, torch.float64) for i, token in enumerate(prompt)]
    return logits[-1][0], cache


def continue_greedily(decoder: Decoder, prompt: list[int], logits: Tensor, cache: Cache) -> tuple[list[int], float]:
    """The tokens that follow, and the smallest margin between the best logit and the second best."""
    tokens: list[int] = []
    margin = float("inf")
    for position in range(len(prompt), len(prompt) + NEW_TOKENS):
        best = logits.topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        tokens.append(int(best.indices[0]))
        logits = step(decoder, torch.tensor(tokens[-1:]), position, cache, torch.float64)[0]
    return tokens, margin


@torch.no_grad()
def golden(folder: Path) -> list[dict[str, object]]:
    decoder, tokenizer = load_shipped(folder, torch.float64)
    config = decoder.config
    passes = config.forward_passes + config.backward_passes
    iterated = any(group.iterated for group in decoder.groups)
    cases = []
    for text in PROMPTS:
        prompt = tokenizer.encode(text).ids
        in_sequence, sequential_margin = continue_greedily(decoder, prompt, *prefill_in_sequence(decoder, prompt))
        in_parallel, parallel_margin = continue_greedily(decoder, prompt, *prefill_in_parallel(decoder, prompt))
        cases.append(
            {
                "prompt": text,
                "tokens": prompt,
                "auto_mode": "sequential" if iterated and len(prompt) <= passes else "parallel",
                "greedy_after_sequential": in_sequence,
                "greedy_after_parallel": in_parallel,
                "text_after_sequential": tokenizer.decode(in_sequence),
                "text_after_parallel": tokenizer.decode(in_parallel),
                "smallest_margin": min(sequential_margin, parallel_margin),
            }
        )
    return cases


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="folders in the folder of models")
    parser.add_argument("--models", type=Path, required=True)
    chosen = parser.parse_args()
    for name in chosen.names:
        cases = golden(chosen.models / name)
        write_json(chosen.models / name / "golden.json", cases)
        print(name, [(case["auto_mode"], round(float(case["smallest_margin"]), 4)) for case in cases], flush=True)
