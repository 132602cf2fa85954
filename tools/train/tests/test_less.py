"""The trainer of LESS: which rows stay, the mixture that it trains, resuming, and the files that it writes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import TINY, random_decoder
from tokenizers import Tokenizer
from torch import Tensor

import less
from corpus import train_tokenizer
from less import Store, parse_arguments, read, train
from less_kernels import convert_published
from less_rows import SPARSE, Sparse, rows_kept, sparse_of

PLAN = "0_1_1_1s_4_7_7_7"
"""A reader with a window, and layers that read above."""

WORDS = "the king and the queen and the fox went home and the cat sat down again by the old fire "


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that looks like a shipped one."""
    models = tmp_path_factory.mktemp("models")
    folder = models / "tiny"
    folder.mkdir()
    train_tokenizer(WORDS * 40, TINY.vocab_size).save(str(folder / "tokenizer.json"))
    decoder = random_decoder(PLAN).float()
    (folder / "config.json").write_text(json.dumps(decoder.config.as_dict()))
    save_file(decoder.state_dict(), folder / "model.safetensors")
    return models


def chosen(models: Path, corpus: Path, out: Path, *more: str) -> list[str]:
    words = ["train", "tiny", "--sparse", "h2o", "--rows", "6", "--corpus", str(corpus), "--models", str(models)]
    sizes = ["--windows", "8", "--length", "24", "--steps", "8", "--hidden", "5", "--rank", "3", "--queries", "9"]
    return [*words, "--out", str(out), *sizes, *more]


@torch.no_grad()
def brute_force(policy: Sparse, queries: list[Tensor], own: list[bool], keys: Tensor) -> list[list[set[int]]]:
    """The rows of each KV head that query t reads, one number at a time."""
    kv_heads, positions, head_dim = keys.shape[1:]
    kept: list[list[set[int]]] = []
    for head in range(kv_heads):
        rows: list[int] = []
        score = dict.fromkeys(range(positions), 0.0)
        read: list[set[int]] = []
        for t in range(positions):
            rows.append(t)
            read.append(set(rows))
            for q, sees_own in zip(queries, own, strict=True):
                seen = [row for row in rows if sees_own or row < t]
                group = q.shape[1] // kv_heads
                for query in q[0, head * group : (head + 1) * group, t] if seen else []:
                    logits = torch.stack([query @ keys[0, head, row] / head_dim**0.5 for row in seen])
                    for row, probability in zip(seen, torch.softmax(logits, 0).tolist(), strict=True):
                        score[row] += probability
            older = [row for row in rows if row < t + 1 - policy.recent and row >= policy.sinks]
            stays = sorted(older, key=lambda row: (-score[row], row))[: policy.heavy]
            rows = [row for row in rows if row not in older or row in stays]
        kept.append(read)
    return kept


@pytest.mark.parametrize("name", [name for name in SPARSE if name != "keyformer"])
def test_rows_stay_as_the_policy_says(name: str) -> None:
    random = torch.Generator().manual_seed(2)
    keys = torch.randn(1, 2, 20, 8, generator=random, dtype=torch.float64)
    queries = [torch.randn(1, 4, 20, 8, generator=random, dtype=torch.float64) for _ in range(2)]
    policy, own = sparse_of(name, 8), [True, False]
    kept = rows_kept(policy, queries, own, keys, 0)
    for head, read_by_query in enumerate(brute_force(policy, queries, own, keys)):
        for t, rows in enumerate(read_by_query):
            assert set(kept[0, head, t].nonzero().flatten().tolist()) == rows


@pytest.mark.parametrize("name", SPARSE)
def test_a_budget_is_filled_and_the_newest_rows_are_there(name: str) -> None:
    keys = torch.randn(2, 1, 30, 8, generator=torch.Generator().manual_seed(3))
    policy = sparse_of(name, 10)
    kept = rows_kept(policy, [keys], [True], keys, 1)
    assert policy.rows == 10
    for t in range(30):
        # A step reads its own row too.
        assert (kept[:, :, t].sum(-1) == min(t + 1, policy.rows + 1)).all()
        assert kept[:, :, t, max(0, t - policy.recent) : t + 1].all()


def test_a_query_reads_rows_and_state_by_their_weights(models: Path, corpus: Path, tmp_path: Path) -> None:
    arguments = parse_arguments(chosen(models, corpus, tmp_path))
    decoder = random_decoder("0_1_1_3_4_5_6_7").float().requires_grad_(False)
    tokens = torch.randint(TINY.vocab_size, (2, 16), generator=torch.Generator().manual_seed(4))
    store = Store(decoder, 1, read(decoder, tokens), sparse_of("h2o", 4), arguments)
    at = torch.tensor([9, 15])
    expected = 0.0
    for reader in store.readers:
        phi = store.phi[str(reader)](store.queries[reader])
        psi = store.psi(store.keys)
        for window in range(2):
            for query in at.tolist():
                heads = []
                for head in range(TINY.num_attention_heads):
                    q, kept = store.queries[reader][window, head, query], store.kept[window, 0, query]
                    weights = torch.exp(store.keys[window, 0, : query + 1] @ q / TINY.head_dim**0.5)
                    state = psi[window, 0, : query + 1] @ phi[window, head, query]
                    weights = torch.where(kept[: query + 1], weights, state)
                    heads.append(weights @ store.values[window, 0, : query + 1] / weights.sum())
                output = F.linear(torch.cat(heads), store.projections[reader])
                expected += float((output - store.outputs[reader][window, query]).square().mean().detach()) / 4
    with_state, _ = store.losses(torch.tensor([0, 1]), at)
    assert float(with_state.detach()) == pytest.approx(expected, rel=1e-4)


def test_a_run_that_was_stopped_continues_to_the_bit(
    models: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(less, "STEPS_BETWEEN_CHECKPOINTS", 3)
    whole = load_file(train(parse_arguments(chosen(models, corpus, tmp_path / "whole"))))

    saved = less.Checkpoint.save
    count = 0

    def stop_after_some(checkpoint: less.Checkpoint) -> None:
        nonlocal count
        saved(checkpoint)
        count += 1
        if count in (2, 4, 7):
            raise KeyboardInterrupt

    monkeypatch.setattr(less.Checkpoint, "save", stop_after_some)
    arguments = parse_arguments(chosen(models, corpus, tmp_path / "parts"))
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            train(arguments)
    parts = load_file(train(arguments))
    assert parts.keys() == whole.keys()
    assert all(torch.equal(parts[name], whole[name]) for name in whole)


def test_a_checkpoint_of_another_run_is_refused(models: Path, corpus: Path, tmp_path: Path) -> None:
    train(parse_arguments(chosen(models, corpus, tmp_path)))
    with pytest.raises(ValueError, match="another run"):
        train(parse_arguments(chosen(models, corpus, tmp_path, "--seed", "5")))


def test_the_file_has_the_tensors_that_the_plan_needs_and_says_what_for(
    models: Path, corpus: Path, tmp_path: Path
) -> None:
    file = train(parse_arguments(chosen(models, corpus, tmp_path)))
    tensors = load_file(file)
    # Layer 3 has a window, so it needs no phi.
    assert {name.split(".")[1] for name in tensors if ".phi." in name} == set("0124567")
    assert {name.split(".")[1] for name in tensors if ".psi." in name} == set("0147")
    assert tensors["layers.2.phi.w1"].shape == (2, 16, 5)
    assert tensors["layers.1.psi.w3"].shape == (1, 3, 3)
    with safe_open(file, "pt") as opened:
        said = opened.metadata()
    assert said["layer_types"] == PLAN
    assert json.loads(said["policy"]) == {"id": "h2o", "heavy": 3, "recent": 3}
    card = json.loads(file.with_suffix(".json").read_text())
    assert card["rows"] == 6
    assert card["policy"] == {"id": "h2o", "heavy": 3, "recent": 3}
    assert "--seed 0" in card["command"]


def test_training_lowers_the_error(models: Path, corpus: Path, tmp_path: Path) -> None:
    file = train(parse_arguments(chosen(models, corpus, tmp_path, "--steps", "60")))
    left = json.loads(file.with_suffix(".json").read_text())["errorLeft"]
    assert all(value < 1 for value in left.values())


def test_windows_begin_with_the_begin_token_and_depend_on_the_seed_alone(models: Path) -> None:
    tokenizer = Tokenizer.from_file(str(models / "tiny" / "tokenizer.json"))
    one, again, other = (less.random_windows(tokenizer, WORDS * 40, 5, 12, seed) for seed in (1, 1, 2))
    assert one.shape == (5, 12)
    assert (one[:, 0] == 0).all()
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_published_checkpoints_are_converted(tmp_path: Path) -> None:
    heads, head_dim, hidden, rank = 2, 4, 6, 3
    random = torch.Generator().manual_seed(0)
    for layer in range(2):
        stored = {
            "kernel_q_mat1": torch.randn(heads, head_dim, hidden, generator=random),
            "kernel_q_mat2": torch.randn(heads, hidden, rank, generator=random),
            "kernel_k_mat1": torch.randn(heads, head_dim, hidden, generator=random),
            "kernel_k_mat2": torch.randn(heads, hidden, rank, generator=random),
            "scalingD": torch.randn(1, heads, 1, rank, generator=random),
            "scalingD2": torch.randn(1, heads, 1, rank, generator=random),
            "interaction_k": torch.randn(heads, rank, rank, generator=random),
        }
        torch.save(stored, tmp_path / f"layer_{layer}.pth")
    assert convert_published(tmp_path, tmp_path / "kernels.safetensors") == [0, 1]
    tensors = load_file(tmp_path / "kernels.safetensors")
    assert torch.equal(tensors["layers.1.phi.w1"], stored["kernel_q_mat1"])
    assert torch.equal(tensors["layers.1.psi.w2"], stored["kernel_k_mat2"])
    for a in range(rank):
        for b in range(rank):
            scale, other = stored["scalingD"][0, 1, 0, a].abs(), stored["scalingD2"][0, 1, 0, b]
            expected = scale * ((a == b) + stored["interaction_k"][1, a, b] * other)
            assert tensors["layers.1.psi.w3"][1, a, b] == pytest.approx(float(expected))
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="layer_0"):
        convert_published(tmp_path / "none", tmp_path / "x.safetensors")
