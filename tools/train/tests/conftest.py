from pathlib import Path

import pytest
from tiny import STEP, Weights, run, write_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the checkpoints of `base` and `member`."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="session")
def base(corpus: Path, out: Path) -> Weights:
    return run("base", corpus, out, 20 * STEP)


@pytest.fixture(scope="session")
def member(corpus: Path, out: Path, base: Weights) -> Weights:
    """An LCKV member of `base`."""
    assert base
    return run("lckv", corpus, out, 10 * STEP)
