"""Trains one model, or trains one further. See README.md beside this file.

python tools/train/train.py base --corpus CORPUS --out OUT --tokens 20000000
python tools/train/train.py lckv --corpus CORPUS --out OUT --tokens 2000000
"""

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import torch

from corpus import DataOrder, open_corpus
from members import BASE, MEMBERS
from model import Config, Decoder, convert
from optimizer import Optimizer
from processes import Processes, run_in_processes
from shipped import load_shipped

CHECKPOINT_SECONDS = 90
REPORT_STEPS = 10


@dataclass(frozen=True)
class Schedule:
    """How one run proceeds, all in tokens, so that a pause changes nothing."""

    tokens: int
    tokens_per_step: int
    decay: float
    """The fraction of the run in which the learning rate falls to zero; 0: never, so that a base can be continued."""
    short_until: int
    """Windows are half as long for this many tokens, because attention makes long ones expensive."""
    few_passes_until: int
    """Groups are iterated with fewer passes for this many tokens."""

    def learning_rate(self, seen: int) -> float:
        """The factor of the peak rate for the step after `seen` tokens: warm-up, plateau, straight line to zero."""
        warm_up = 50 * self.tokens_per_step
        left = self.tokens - seen
        factor = min(1.0, (seen + self.tokens_per_step) / warm_up)
        return min(factor, left / (self.decay * self.tokens)) if self.decay > 0 else factor


class History(TypedDict):
    """What a run did, as the card of a model says it."""

    command: str
    tokens: int
    seed: int


class Run:
    """A model in training: everything that a checkpoint holds."""

    def __init__(self, model: Decoder, arguments: argparse.Namespace, before: list[History]) -> None:
        self.model = model
        self.optimizer = Optimizer(model, arguments.muon_rate, arguments.adam_rate, arguments.weight_decay)
        self.before = before
        self.arguments = arguments
        self.seen = 0
        self.windows = {"short": 0, "full": 0}

    def state(self) -> dict[str, Any]:
        return {
            "config": self.model.config.as_dict(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state(),
            "history": [*self.before, self.history()],
            "seen": self.seen,
            "windows": self.windows,
        }

    def history(self) -> History:
        chosen = self.arguments
        more = f" --tokens-per-step {chosen.tokens_per_step}"
        more += f" --muon-rate {chosen.muon_rate} --adam-rate {chosen.adam_rate}"
        if chosen.name != BASE:
            more += f" --decay {chosen.decay}"
            more += f" --few-passes {chosen.few_passes} --fewer-passes {chosen.fewer_passes}"
        more += f" --short-tokens {chosen.short_tokens}" if chosen.short_tokens > 0 else ""
        more += f" --start {chosen.start.name}" if chosen.name == BASE and chosen.start is not None else ""
        command = f"python tools/train/train.py {chosen.name} --corpus CORPUS --out OUT --tokens {self.seen}{more}"
        return {"command": command, "tokens": self.seen, "seed": chosen.seed}

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.restore(state["optimizer"])
        self.seen, self.windows = state["seen"], state["windows"]

    def save(self, file: Path) -> None:
        """Replaces the checkpoint in one step, so that a process that is killed leaves a whole one."""
        part = file.with_suffix(".part")
        torch.save(self.state(), part)
        part.replace(file)


def load_checkpoint(file: Path) -> tuple[Decoder, list[History]]:
    """The model of a checkpoint, and the runs that made it, oldest first."""
    state = torch.load(file, map_location="cpu", weights_only=True)
    model = Decoder(Config(**state["config"]))
    model.load_state_dict(state["model"])
    return model, state["history"]


def start(name: str, arguments: argparse.Namespace, config: Config) -> tuple[Decoder, list[History]]:
    """A new base, a base that starts as another plain LLaMA, or a member made from the base in `arguments.out`."""
    if name != BASE:
        base, history = load_checkpoint(arguments.out / f"{BASE}.pt")
        return convert(base, base.config.sharing(MEMBERS[name].layer_types)), history
    if arguments.start is None:
        model = Decoder(config)
        model.initialise(torch.Generator().manual_seed(arguments.seed))
        return model, []
    if arguments.start.is_file():
        return load_checkpoint(arguments.start)
    before, _ = load_shipped(arguments.start, torch.float32)
    lengths = {"max_position_embeddings": config.max_position_embeddings, "sliding_window": config.sliding_window}
    model = Decoder(replace(before.config, **lengths))
    model.load_state_dict(before.state_dict())
    training = json.loads((arguments.start / "training.json").read_text())
    return model, training["runs"]


def train(name: str, arguments: argparse.Namespace, config: Config, processes: Processes) -> None:
    """Trains until the run has its tokens. `config` is that of a new base; `processes` divide the work."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if arguments.dtype == "bfloat16" else torch.float32
    torch.set_num_threads(arguments.threads)
    out: Path = arguments.out
    file = out / f"{name}.pt"
    given = arguments.start / "tokenizer.json" if arguments.start and arguments.start.is_dir() else None
    _, tokens = open_corpus(arguments.corpus, out / "cache", config.vocab_size, given)
    model, before = start(name, arguments, config)
    run = Run(model.to(device), arguments, before)
    if file.exists():
        run.restore(torch.load(file, map_location=device, weights_only=True))
    if arguments.compile:
        model.compile_parts()

    schedule = Schedule(
        arguments.tokens,
        arguments.tokens_per_step,
        0.0 if name == BASE else arguments.decay,
        arguments.short_tokens,
        int(arguments.few_passes * arguments.tokens),
    )
    full = model.config.max_position_embeddings
    # All members see the same windows in the same order, which differs from the base's.
    lengths = {"short": full // 2, "full": full}
    orders = {kind: DataOrder(tokens, length, arguments.seed, len(before)) for kind, length in lengths.items()}
    began, saved, seen_at_start, smooth = time.monotonic(), time.monotonic(), run.seen, None
    while run.seen < min(schedule.tokens, arguments.pause_at or schedule.tokens):
        kind = "short" if run.seen < schedule.short_until else "full"
        count = schedule.tokens_per_step // orders[kind].length
        inputs, targets = map(processes.share, orders[kind].batch(run.windows[kind], count))
        passes = arguments.fewer_passes if run.seen < schedule.few_passes_until else None
        hidden = model(inputs.to(device), dtype, forward_passes=passes)
        loss = model.loss(hidden, targets.to(device))
        model.zero_grad(set_to_none=True)
        loss.backward()
        mean = processes.average(model, loss)
        run.optimizer.step(schedule.learning_rate(run.seen))
        run.seen += schedule.tokens_per_step
        run.windows[kind] += count

        smooth = mean if smooth is None else 0.98 * smooth + 0.02 * mean
        step, now = run.seen // schedule.tokens_per_step, time.monotonic()
        if processes.rank > 0:
            continue
        if step % REPORT_STEPS == 0:
            speed = (run.seen - seen_at_start) / (now - began)
            progress = f"{name} {run.seen / 1e6:.2f} M tokens, {speed:.0f}/s, loss {smooth:.4f}"
            print(f"{datetime.now():%H:%M:%S} {progress}", flush=True)
        if now - saved > CHECKPOINT_SECONDS:
            run.save(file)
            saved = now
    if processes.rank > 0:
        return
    run.save(file)
    print(f"{name}: {run.seen} tokens, loss {smooth or float('nan'):.4f}", flush=True)


def fast_type() -> str:
    """The type to compute in: bfloat16 if the machine multiplies it. Older processors emulate it slowly."""
    has_it = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return "bfloat16" if has_it else "float32"


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[BASE, *MEMBERS])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of train.txt.gz and valid.txt.gz")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, outside the repository")
    start_help = "what a base starts as: the folder of a plain LLaMA, with its tokenizer, or a checkpoint"
    parser.add_argument("--start", type=Path, help=start_help)
    parser.add_argument("--tokens", type=int, required=True, help="tokens of this run, without those of the base")
    parser.add_argument("--pause-at", type=int, help="stop after this many tokens; the same command continues")
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--decay", type=float, default=0.5, help="fraction of a member's run in which the rate falls")
    parser.add_argument("--short-tokens", type=int, default=0, help="tokens of this run in windows of half length")
    parser.add_argument("--few-passes", type=float, default=0.75, help="fraction of the run with fewer passes")
    parser.add_argument("--fewer-passes", type=int, default=2, help="passes without gradients in that fraction")
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default=fast_type(), help="what to compute in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=1, help="CPU processes that divide the windows of every step")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args(words)


if __name__ == "__main__":
    chosen = parse_arguments()
    run_in_processes(chosen.processes, partial(train, chosen.name, chosen, Config()))
