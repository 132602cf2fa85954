"""The corpus as tokens, and the order in which training sees them."""

import gzip
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor

BEGIN, END = "<|begin|>", "<|end|>"
BEGIN_ID, END_ID = 0, 1
LINES_AT_ONCE = 2000


def read_text(corpus: Path, split: str) -> str:
    """The text of a split: `train` or `valid`."""
    with gzip.open(corpus / f"{split}.txt.gz", "rt", encoding="ascii", newline="") as file:
        return file.read()


def train_tokenizer(text: str, vocab_size: int) -> Tokenizer:
    """Byte-level BPE; token 0 starts a text and token 1 ends it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, BEGIN_ID)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> np.ndarray:
    """The tokens of a long text, without the begin token."""
    lines = text.splitlines(keepends=True)
    chunks = ["".join(lines[i : i + LINES_AT_ONCE]) for i in range(0, len(lines), LINES_AT_ONCE)]
    encoded = tokenizer.encode_batch(chunks, add_special_tokens=False)
    return np.concatenate([chunk.ids for chunk in encoded]).astype(np.uint16)


def open_corpus(corpus: Path, cache: Path, vocab_size: int, given: Path | None = None) -> tuple[Tokenizer, np.ndarray]:
    """The tokenizer and the tokens of the training text, both kept in `cache`.

    given  a tokenizer.json to use; without it one is trained on the corpus
    """
    cache.mkdir(parents=True, exist_ok=True)
    tokenizer_file, tokens_file = cache / "tokenizer.json", cache / "train.npy"
    if not tokens_file.exists():
        text = read_text(corpus, "train")
        tokenizer = train_tokenizer(text, vocab_size) if given is None else Tokenizer.from_file(str(given))
        tokenizer.save(str(tokenizer_file))
        np.save(tokens_file, encode(tokenizer, text))
    return Tokenizer.from_file(str(tokenizer_file)), np.load(tokens_file)


class DataOrder:
    """Which tokens each step sees: a function of the seed and of how many windows came before, and of nothing else.

    The number of a run gives it an order of its own. An epoch cuts the text into windows from a random phase and
    shuffles them. Each window starts with the begin token.
    """

    def __init__(self, tokens: np.ndarray, length: int, seed: int, run: int) -> None:
        self.tokens, self.length, self.seed, self.run = tokens, length, seed, run
        # One window less than fits, because the phase may cut the first and the last one.
        self.windows_per_epoch = len(tokens) // length - 1
        self.epoch = -1
        self.starts = np.empty(0, dtype=np.int64)

    def start_of(self, window: int) -> int:
        epoch, index = divmod(window, self.windows_per_epoch)
        if epoch != self.epoch:
            random = np.random.default_rng([self.seed, self.length, epoch, self.run])
            phase = random.integers(self.length)
            self.starts = phase + self.length * random.permutation(self.windows_per_epoch)
            self.epoch = epoch
        return int(self.starts[index])

    def batch(self, first_window: int, windows: int) -> tuple[Tensor, Tensor]:
        """Inputs and the tokens to predict, both [windows, length]."""
        starts = [self.start_of(first_window + i) for i in range(windows)]
        targets = np.stack([self.tokens[s : s + self.length] for s in starts]).astype(np.int64)
        inputs = np.concatenate([np.full((windows, 1), BEGIN_ID), targets[:, :-1]], 1)
        return torch.from_numpy(inputs), torch.from_numpy(targets)
