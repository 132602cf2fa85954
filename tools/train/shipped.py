"""A shipped checkpoint, and the held-out windows that it is measured on."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from corpus import BEGIN_ID, read_text
from model import Config, Decoder


def load_shipped(folder: Path, dtype: torch.dtype) -> tuple[Decoder, Tokenizer]:
    """The tokenizer, and the decoder with the stored weights in `dtype`."""
    stored = json.loads((folder / "config.json").read_text())
    decoder = Decoder(Config(**{field.name: stored[field.name] for field in fields(Config) if field.name in stored}))
    decoder.load_state_dict(load_file(folder / "model.safetensors"))
    return decoder.to(dtype).requires_grad_(False), Tokenizer.from_file(str(folder / "tokenizer.json"))


def held_out_tokens(corpus: Path, tokenizer: Tokenizer) -> np.ndarray:
    """The held-out books, without the begin token."""
    return np.array(tokenizer.encode(read_text(corpus, "valid"), add_special_tokens=False).ids)


def held_out_windows(tokens: np.ndarray, windows: int, length: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets, both [windows, length]: windows spread evenly over the held-out books, each starting with the
    begin token. tools/evaluate/held-out.ts takes the same ones."""
    return cut(tokens, [i * (len(tokens) - length) // (windows - 1) for i in range(windows)], length)


def held_out_chain(tokens: np.ndarray, begin: float, windows: int, stride: int, length: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets of windows that overlap: each begins `stride` tokens after the one before, the first at the
    fraction `begin` of the text."""
    first = int(begin * len(tokens))
    return cut(tokens, [first + i * stride for i in range(windows)], length)


def cut(tokens: np.ndarray, starts: list[int], length: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the windows that begin at `starts`."""
    targets = torch.from_numpy(np.stack([tokens[start : start + length] for start in starts]))
    return torch.cat([torch.full((len(starts), 1), BEGIN_ID), targets[:, :-1]], 1), targets
