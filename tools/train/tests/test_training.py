"""Runs: what they learn, that a pause changes nothing, and that processes can divide them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import STEP, Weights, run, same

from corpus import BEGIN_ID, DataOrder
from processes import Processes
from train import Schedule


def test_the_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    schedule = Schedule(tokens=100_000, tokens_per_step=100, decay=0.5, short_until=0, few_passes_until=0)
    assert schedule.learning_rate(0) == pytest.approx(1 / 50)
    assert schedule.learning_rate(4_900) == 1
    assert schedule.learning_rate(50_000) == 1
    assert schedule.learning_rate(75_000) == pytest.approx(0.5)
    assert schedule.learning_rate(100_000) == 0


def test_the_rate_of_a_base_never_falls() -> None:
    schedule = Schedule(tokens=100_000, tokens_per_step=100, decay=0.0, short_until=0, few_passes_until=0)
    assert schedule.learning_rate(99_900) == 1


TOKENS = np.arange(1000, dtype=np.uint16)


def test_an_epoch_shows_every_window_once_each_after_the_begin_token() -> None:
    order = DataOrder(TOKENS, length=10, seed=0, run=0)
    inputs, targets = order.batch(0, order.windows_per_epoch)
    assert (inputs[:, 0] == BEGIN_ID).all()
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert len(targets.unique()) == targets.numel()


def test_the_order_depends_on_seed_run_and_place_alone() -> None:
    whole = DataOrder(TOKENS, 10, seed=3, run=1).batch(0, 200)[1]
    order = DataOrder(TOKENS, 10, seed=3, run=1)
    parts = [order.batch(first, 50)[1] for first in (150, 0, 100, 50)]
    assert torch.equal(torch.cat([parts[1], parts[3], parts[2], parts[0]]), whole)
    for seed, number in ((4, 1), (3, 2)):
        assert not torch.equal(DataOrder(TOKENS, 10, seed, number).batch(0, 200)[1], whole)


def test_a_base_that_was_stopped_continues_to_the_bit(corpus: Path, base: Weights, tmp_path: Path) -> None:
    paused = run("base", corpus, tmp_path, 20 * STEP, "--pause-at", str(8 * STEP))
    assert not same(paused, base)
    assert same(run("base", corpus, tmp_path, 20 * STEP), base)


def test_a_member_that_was_stopped_continues_to_the_bit(
    corpus: Path, out: Path, member: Weights, tmp_path: Path
) -> None:
    (tmp_path / "base.pt").write_bytes((out / "base.pt").read_bytes())
    run("lckv", corpus, tmp_path, 10 * STEP, "--pause-at", str(4 * STEP))
    assert same(run("lckv", corpus, tmp_path, 10 * STEP), member)


def test_another_seed_gives_another_base(corpus: Path, base: Weights, tmp_path: Path) -> None:
    assert not same(run("base", corpus, tmp_path, 20 * STEP, "--seed", "1"), base)


def test_two_processes_train_what_one_does(corpus: Path, tmp_path: Path) -> None:
    divided = run("base", corpus, tmp_path / "two", 20 * STEP, "--processes", "2", "--dtype", "float32")
    alone = run("base", corpus, tmp_path / "one", 20 * STEP, "--dtype", "float32")
    # Gradients are summed in another order: measured 7e-07.
    assert max((divided[key] - alone[key]).abs().max().item() for key in alone) < 1e-3


def test_a_step_that_cannot_be_divided_is_refused() -> None:
    processes = Processes(0, 1, "")
    processes.count = 2
    with pytest.raises(ValueError, match="3 windows cannot be divided among 2 processes"):
        processes.share(torch.zeros(3, 4))
    assert processes.share(torch.arange(4)).tolist() == [0, 1]
