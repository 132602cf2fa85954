"""Both modes, against each other and against the golden cases of the project."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tiny import TINY, random_decoder
from torch import Tensor

from layer_types import parse_layer_types
from members import MEMBERS
from model import Config, Decoder, convert, rms_norm
from sequential import Cache, nats_of, step

GOLDEN = Path(__file__).parents[3] / "tests" / "fixtures" / "golden"
PLANS = [member.layer_types for member in MEMBERS.values()]
ABOVE = [plan for plan in PLANS if any(entry.reads_from > i for i, entry in enumerate(parse_layer_types(plan)))]


@torch.no_grad()
def parallel_nats(decoder: Decoder, inputs: Tensor, targets: Tensor, passes: int) -> Tensor:
    logits = decoder.logits(decoder(inputs, torch.float64, forward_passes=passes, backward_passes=0))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def random_windows(positions: int) -> tuple[Tensor, Tensor]:
    inputs, targets = torch.randint(TINY.vocab_size, (2, 2, positions), generator=torch.Generator().manual_seed(1))
    return inputs, targets


@pytest.mark.parametrize("layer_types", PLANS)
def test_parallel_mode_with_a_pass_per_token_is_sequential_mode(layer_types: str) -> None:
    decoder = random_decoder(layer_types)
    inputs, targets = random_windows(20)
    sequential = nats_of(decoder, inputs, targets, torch.float64)
    assert torch.allclose(parallel_nats(decoder, inputs, targets, 20), sequential, atol=1e-10)


@pytest.mark.parametrize("layer_types", ABOVE)
@pytest.mark.parametrize("passes", [1, 3, 6])
def test_after_n_passes_the_first_n_positions_are_exact_and_the_last_is_not(layer_types: str, passes: int) -> None:
    decoder = random_decoder(layer_types)
    inputs, targets = random_windows(20)
    apart = (parallel_nats(decoder, inputs, targets, passes) - nats_of(decoder, inputs, targets, torch.float64)).abs()
    assert apart[:, :passes].max() < 1e-10
    assert apart[:, -1].max() > 1e-6


@pytest.mark.parametrize("layer_types", [plan for plan in PLANS if plan not in ABOVE])
def test_a_plan_that_never_reads_above_needs_one_pass(layer_types: str) -> None:
    decoder = random_decoder(layer_types)
    inputs, targets = random_windows(20)
    sequential = nats_of(decoder, inputs, targets, torch.float64)
    assert torch.allclose(parallel_nats(decoder, inputs, targets, 1), sequential, atol=1e-10)


def test_only_the_last_passes_leave_gradients() -> None:
    decoder = random_decoder("0_6_6_6_6_6_6_7")
    inputs, targets = random_windows(12)

    def gradient_of_key_projection(forward_passes: int, backward_passes: int) -> Tensor | None:
        decoder.zero_grad(set_to_none=True)
        decoder.loss(decoder(inputs, torch.float64, forward_passes, backward_passes), targets).backward()
        return decoder.model.layers[6].self_attn.k_proj.weight.grad

    # The last pass reads the keys of the pass before, so the first of two passes with gradients reaches them.
    one, two = gradient_of_key_projection(8, 1), gradient_of_key_projection(7, 2)
    assert one is not None
    assert two is not None
    assert not torch.allclose(one, two)


def golden_cases() -> list[str]:
    cases = [folder.name for folder in sorted(GOLDEN.iterdir())]
    return [name for name in cases if "tokens" in json.loads((GOLDEN / name / "golden.json").read_text())]


def load_golden(name: str) -> tuple[Decoder, dict[str, Any]]:
    stored = json.loads((GOLDEN / name / "config.json").read_text())
    golden = json.loads((GOLDEN / name / "golden.json").read_text())
    known = {field.name: stored[field.name] for field in fields(Config) if stored.get(field.name) is not None}
    decoder = Decoder(replace(Config(), **known))
    weights = load_file(GOLDEN / name / "model.safetensors")
    head = weights.pop("lm_head.weight", weights["model.embed_tokens.weight"]).double()
    decoder.load_state_dict(weights)
    decoder.double().requires_grad_(False)

    def logits(hidden: Tensor) -> Tensor:
        return F.linear(rms_norm(hidden, decoder.model.norm.weight, decoder.config.rms_norm_eps), head)

    decoder.logits = logits  # the trainer ties the head to the embeddings, which not every golden case does
    return decoder, golden


@pytest.mark.parametrize("name", golden_cases())
def test_agrees_with_the_golden_logits_in_both_modes(name: str) -> None:
    decoder, golden = load_golden(name)
    tokens = torch.tensor([golden["tokens"]])
    assert [[group.start, group.stop, group.iterated] for group in decoder.groups] == golden["groups"]

    in_parallel = decoder.logits(decoder(tokens, torch.float64))[0, golden["positions"]]
    expected = torch.tensor(golden["parallel_logits"], dtype=torch.float64)
    assert torch.allclose(in_parallel, expected, atol=1e-6)

    cache: Cache = {}
    rows = [step(decoder, tokens[:, i], i, cache, torch.float64)[0] for i in range(tokens.shape[1])]
    in_sequence = torch.stack(rows)[golden["positions"]]
    assert torch.allclose(in_sequence, torch.tensor(golden["sequential_logits"], dtype=torch.float64), atol=1e-6)


def test_an_owner_gets_the_mean_of_its_readers_and_a_single_reader_a_copy() -> None:
    plain = random_decoder("0_1_2_3_4_5_6_7")
    shared = convert(plain, TINY.sharing("0_6_6_6_6_6_6_7")).state_dict()
    before = plain.state_dict()
    for part in ("k_proj", "v_proj"):
        mean = torch.stack([before[f"model.layers.{i}.self_attn.{part}.weight"] for i in range(1, 7)]).mean(0)
        assert torch.allclose(shared[f"model.layers.6.self_attn.{part}.weight"].double(), mean, atol=1e-6)
    for name in ("model.layers.7.self_attn.k_proj.weight", "model.layers.3.self_attn.q_proj.weight"):
        assert torch.equal(shared[name], before[name].to(shared[name].dtype))
