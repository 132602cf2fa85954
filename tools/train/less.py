"""Trains the kernels of LESS for a shipped model, a policy and a number of rows (docs/policies.md, "LESS").

    python tools/train/less.py train fairy-lckv --sparse h2o --rows 12 --corpus CORPUS --models public/models --out OUT
    python tools/train/less.py convert CHECKPOINTS kernels.safetensors

Writes less-SPARSE-ROWS.safetensors and its card beside the model. The model itself stays as it is: for each store, the
kernels learn to give back what its readers lose if the policy evicts from the first token on. A run that was stopped
continues from its checkpoint in OUT with the same command. `convert` reads the checkpoints that the authors published.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from corpus import BEGIN_ID, read_text
from export import write_json
from less_kernels import Kernel, Tensors, convert_published
from less_rows import SPARSE, Sparse, rows_kept, sparse_of
from model import Decoder, KeysValues, attend, rope_tables
from shipped import load_shipped

WINDOWS_AT_ONCE = 8
STEPS_BETWEEN_CHECKPOINTS = 100
HELD_OUT_FRACTION = 0.1


def random_windows(tokenizer: Tokenizer, text: str, windows: int, length: int, seed: int) -> Tensor:
    """Windows of a text from random places, each with the begin token first."""
    random = torch.Generator().manual_seed(seed)
    rows = []
    while len(rows) < windows:
        characters = length * 12
        start = int(torch.randint(max(1, len(text) - characters), (1,), generator=random))
        # The first token of a piece may be a part of a word.
        ids = tokenizer.encode(text[start : start + characters], add_special_tokens=False).ids[1:length]
        if len(ids) == length - 1:
            rows.append([BEGIN_ID, *ids])
    return torch.tensor(rows)


class Reading(NamedTuple):
    """What a model without a policy computes over some windows."""

    queries: dict[int, Tensor]
    """By reader, [windows, heads, positions, head_dim], rotated."""
    kv: dict[int, KeysValues]
    """By owner, [windows, KV heads, positions, head_dim]; keys are rotated."""
    outputs: dict[int, Tensor]
    """By reader: its attention after the output projection, [windows, positions, hidden_size]."""


@torch.no_grad()
def read(decoder: Decoder, tokens: Tensor) -> Reading:
    parts = [read_some(decoder, some) for some in tokens.split(WINDOWS_AT_ONCE)]
    return Reading(
        {i: torch.cat([part.queries[i] for part in parts]) for i in parts[0].queries},
        {
            i: (torch.cat([part.kv[i][0] for part in parts]), torch.cat([part.kv[i][1] for part in parts]))
            for i in parts[0].kv
        },
        {i: torch.cat([part.outputs[i] for part in parts]) for i in parts[0].outputs},
    )


def read_some(decoder: Decoder, tokens: Tensor) -> Reading:
    config = decoder.config
    dtype = torch.float32
    kv: dict[int, KeysValues] = {}
    decoder(tokens, dtype, cache=kv)
    tables = rope_tables(config, 0, tokens.shape[1], tokens.device, dtype)
    x = F.embedding(tokens, decoder.model.embed_tokens.weight)
    queries, outputs = {}, {}
    # Once more with the keys and values that the last pass left, as a cache has them.
    for i, entry in enumerate(decoder.entries):
        weights = decoder.model.layers[i].cast(dtype)
        q, *_ = decoder.project_qkv(x, weights.norm, weights.qkv, *tables, config)
        window = config.sliding_window if entry.windowed else None
        attended = attend(q, *kv[entry.reads_from], window, entry.reads_from <= i)
        queries[i] = q
        outputs[i] = F.linear(attended.transpose(1, 2).flatten(2), weights.o)
        x = decoder.finish_layer(x, attended, weights, config.rms_norm_eps)
    return Reading(queries, kv, outputs)


class Store(nn.Module):
    """The kernels of one store and of its readers, and what they are trained on."""

    def __init__(
        self, decoder: Decoder, owner: int, reading: Reading, policy: Sparse, chosen: argparse.Namespace
    ) -> None:
        super().__init__()
        config = decoder.config
        self.owner, self.policy, self.config = owner, policy, config
        self.readers = readers_of(decoder, owner)
        random = torch.Generator().manual_seed(chosen.seed * 1000 + owner)
        sizes = (config.head_dim, chosen.hidden, chosen.rank)
        self.phi = nn.ModuleDict(
            {str(i): Kernel(config.num_attention_heads, *sizes, False, random) for i in self.readers}
        )
        self.psi = Kernel(config.num_key_value_heads, *sizes, True, random)
        self.queries = {i: reading.queries[i] for i in self.readers}
        self.outputs = {i: reading.outputs[i] for i in self.readers}
        self.projections = {i: decoder.model.layers[i].self_attn.o_proj.weight for i in self.readers}
        self.keys, self.values = reading.kv[owner]
        self.to(self.keys.device)
        own_position = [owner <= i for i in self.readers]
        self.kept = rows_kept(policy, list(self.queries.values()), own_position, self.keys, chosen.seed)
        # What the rows that are left give does not change while kernels train.
        self.left = {
            i: self.attend_left(self.queries[i], own) for i, own in zip(self.readers, own_position, strict=True)
        }

    @torch.no_grad()
    def attend_left(self, q: Tensor, own_position: bool) -> tuple[Tensor, Tensor]:
        """The logarithm of the sum of weights [windows, heads, positions], and the attention, of the rows left."""
        windows, heads, positions, head_dim = q.shape
        kv_heads = self.keys.shape[1]
        at = torch.arange(positions, device=q.device)
        sums, outputs = [], []
        for first in range(0, windows, WINDOWS_AT_ONCE):
            some = slice(first, first + WINDOWS_AT_ONCE)
            seen = self.kept[some] if own_position else self.kept[some] & (at < at[:, None])
            grouped = q[some].view(-1, kv_heads, heads // kv_heads, positions, head_dim)
            logits = grouped @ self.keys[some][:, :, None].mT / math.sqrt(head_dim)
            logits = logits.masked_fill(~seen[:, :, None], -math.inf)
            sums.append(torch.logsumexp(logits, -1).flatten(1, 2))
            weights = torch.softmax(logits, -1).nan_to_num()
            outputs.append((weights @ self.values[some][:, :, None]).flatten(1, 2))
        return torch.cat(sums), torch.cat(outputs)

    def losses(self, windows: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """The squared error of the queries at these positions, with the state and without, summed over readers."""
        kv_heads = self.config.num_key_value_heads
        psi = self.psi(self.keys[windows])
        positions = torch.arange(self.keys.shape[2], device=at.device)
        gone = (positions <= at[:, None]) & ~self.kept[windows][:, :, at]
        values = torch.cat([self.values[windows], torch.ones_like(self.values[windows][..., :1])], -1)
        with_state, without = torch.zeros((), device=at.device), torch.zeros((), device=at.device)
        for i in self.readers:
            q = self.queries[i][windows][:, :, at]
            phi = self.phi[str(i)](q).unflatten(1, (kv_heads, -1))
            weights = (phi @ psi[:, :, None].mT) * gone[:, :, None]
            sums = (weights @ values[:, :, None]).flatten(1, 2)
            log_state = torch.log(sums[..., -1] + 1e-30)
            log_rows, rows = (part[windows][:, :, at] for part in self.left[i])
            log_all = torch.logaddexp(log_rows, log_state)
            mixed = torch.exp(log_rows - log_all)[..., None] * rows + torch.exp(-log_all)[..., None] * sums[..., :-1]
            target = self.outputs[i][windows][:, at]
            with_state = with_state + F.mse_loss(self.project(i, mixed), target)
            without = without + F.mse_loss(self.project(i, rows), target)
        return with_state, without

    def project(self, reader: int, attended: Tensor) -> Tensor:
        return F.linear(attended.transpose(1, 2).flatten(2), self.projections[reader])

    def tensors(self) -> Tensors:
        named = {f"layers.{i}.phi": self.phi[str(i)] for i in self.readers} | {f"layers.{self.owner}.psi": self.psi}
        return {
            f"{name}.{part}": value.cpu() for name, kernel in named.items() for part, value in kernel.tensors().items()
        }


def readers_of(decoder: Decoder, owner: int) -> list[int]:
    """The readers of a store that use a state: those without a window."""
    return [i for i, entry in enumerate(decoder.entries) if entry.reads_from == owner and not entry.windowed]


class Checkpoint:
    """What a run has done: the tensors of finished stores, and the store at hand."""

    def __init__(self, file: Path, command: list[str]) -> None:
        self.file = file
        self.state = {"command": command, "tensors": {}, "held_out": {}, "store": None}
        if file.exists():
            stored = torch.load(file, weights_only=True)
            if stored["command"] != command:
                raise ValueError(f"{file} is of another run, {' '.join(stored['command'])}: remove it or change --out")
            self.state = stored

    def save(self) -> None:
        # A file that is being replaced when the run is stopped stays whole.
        written = self.file.with_suffix(".part")
        torch.save(self.state, written)
        written.replace(self.file)


def train_store(store: Store, checkpoint: Checkpoint, chosen: argparse.Namespace) -> None:
    optimizer = torch.optim.Adam(store.parameters(), lr=chosen.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, chosen.steps)
    random = torch.Generator().manual_seed(chosen.seed)
    windows, positions = store.keys.shape[0], store.keys.shape[2]
    device = store.keys.device
    held_out = max(1, int(windows * HELD_OUT_FRACTION))
    done = 0
    started = checkpoint.state["store"]
    if started is not None and started["owner"] == store.owner:
        store.load_state_dict(started["model"])
        optimizer.load_state_dict(started["optimizer"])
        schedule.load_state_dict(started["schedule"])
        random.set_state(started["random"])
        done = started["done"]
    while done < chosen.steps:
        some = torch.randint(held_out, windows, (chosen.batch,), generator=random).to(device)
        at = torch.randint(store.policy.rows, positions, (chosen.queries,), generator=random).to(device)
        optimizer.zero_grad()
        store.losses(some, at)[0].backward()
        optimizer.step()
        schedule.step()
        done += 1
        if done % STEPS_BETWEEN_CHECKPOINTS == 0:
            checkpoint.state["store"] = {
                "owner": store.owner,
                "model": store.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "random": random.get_state(),
                "done": done,
            }
            checkpoint.save()
    with torch.no_grad():
        some = torch.arange(held_out, device=device)
        at = torch.arange(store.policy.rows, positions, 3, device=device)
        losses = store.losses(some, at)
    checkpoint.state["tensors"] |= store.tensors()
    checkpoint.state["held_out"][str(store.owner)] = [float(loss) for loss in losses]
    checkpoint.state["store"] = None
    checkpoint.save()


def train(chosen: argparse.Namespace) -> Path:
    """Trains the kernels of one model. Returns their file."""
    begun = time.monotonic()
    folder = chosen.models / chosen.name
    policy = sparse_of(chosen.sparse, chosen.rows)
    decoder, tokenizer = load_shipped(folder, torch.float32)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    decoder.to(device)
    name = f"less-{chosen.sparse}-{chosen.rows}"
    chosen.out.mkdir(parents=True, exist_ok=True)
    sizes = ("windows", "length", "steps", "batch", "queries", "hidden", "rank", "rate", "seed")
    command = [f"--{size} {getattr(chosen, size)}" for size in sizes]
    checkpoint = Checkpoint(chosen.out / f"{chosen.name}-{name}.pt", command)
    tokens = random_windows(tokenizer, read_text(chosen.corpus, "train"), chosen.windows, chosen.length, chosen.seed)
    reading = read(decoder, tokens.to(device))
    for owner in sorted(reading.kv):
        if not readers_of(decoder, owner) or str(owner) in checkpoint.state["held_out"]:
            continue
        train_store(Store(decoder, owner, reading, policy, chosen), checkpoint, chosen)
        with_state, without = checkpoint.state["held_out"][str(owner)]
        print(
            f"{chosen.name}, {name}, store {owner}: squared error {with_state:.3e}, {with_state / without:.2f} of the"
            f" policy's alone, after {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    layer_types = decoder.config.layer_types
    trained_for = policy.as_dict()
    kernels = folder / f"{name}.safetensors"
    metadata = {"format": "pt", "kind": "less-kernels", "layer_types": layer_types, "policy": json.dumps(trained_for)}
    save_file(checkpoint.state["tensors"], kernels, metadata=metadata)
    card = {
        "file": kernels.name,
        "policy": trained_for,
        "rows": policy.rows,
        "layerTypes": layer_types,
        **{size: getattr(chosen, size) for size in sizes},
        "command": f"python tools/train/less.py train {chosen.name} --sparse {chosen.sparse} --rows {chosen.rows} "
        + " ".join(command),
        "errorLeft": {
            owner: round(with_state / without, 3)
            for owner, (with_state, without) in checkpoint.state["held_out"].items()
        },
    }
    write_json(folder / f"{name}.json", card)
    return kernels


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    training = commands.add_parser("train", help="train kernels for a model")
    training.add_argument("name", help="a folder in the folder of models")
    training.add_argument("--sparse", choices=SPARSE, required=True, help="the policy that decides which rows stay")
    training.add_argument("--rows", type=int, required=True, help="rows that it keeps")
    training.add_argument("--corpus", type=Path, required=True)
    training.add_argument("--models", type=Path, required=True)
    training.add_argument("--out", type=Path, required=True, help="folder of checkpoints, outside the repository")
    training.add_argument("--windows", type=int, default=64)
    training.add_argument("--length", type=int, default=512)
    training.add_argument("--steps", type=int, default=400, help="for each store")
    training.add_argument("--batch", type=int, default=4, help="windows in a step")
    training.add_argument("--queries", type=int, default=96, help="of each of these windows")
    training.add_argument("--hidden", type=int, default=64)
    training.add_argument("--rank", type=int, default=8)
    training.add_argument("--rate", type=float, default=3e-3)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--threads", type=int)
    converting = commands.add_parser("convert", help="convert the authors' checkpoints, layer_0.pth and so on")
    converting.add_argument("checkpoints", type=Path)
    converting.add_argument("file", type=Path)
    return parser.parse_args(words)


if __name__ == "__main__":
    asked = parse_arguments()
    if asked.what == "convert":
        print(f"converted {len(convert_published(asked.checkpoints, asked.file))} layers")
    else:
        if asked.threads is not None:
            torch.set_num_threads(asked.threads)
        print(train(asked))
