"""A trained member, written as a checkpoint and read back."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny import TINY, Weights

from export import config_json, export
from shipped import load_shipped
from train import load_checkpoint

SENTENCE = "the king went home the queen went home the fox"


@pytest.fixture(scope="module")
def exported(out: Path, member: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert member
    models = tmp_path_factory.mktemp("models")
    export("lckv", out, models)
    return models / "fairy-lckv"


def test_the_weights_come_back_rounded_to_half_precision(exported: Path, member: Weights) -> None:
    decoder, _ = load_shipped(exported, torch.float32)
    back = decoder.state_dict()
    assert back.keys() == member.keys()
    for name, weight in member.items():
        assert torch.equal(back[name], weight.half().float()), name


def test_the_configuration_says_the_plan_and_the_passes(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    assert config["model_type"] == "lckv-llama"
    assert config["layer_types"] == "0_6_6_6_6_6_6_7"
    assert (config["forward_passes"], config["backward_passes"]) == (7, 2)
    assert config["tie_word_embeddings"]
    assert config["max_position_embeddings"] == TINY.max_position_embeddings


def test_a_plain_llama_opens_in_transformers() -> None:
    config = config_json(TINY.sharing("0_1_2_3_4_5_6_7"))
    assert (config["model_type"], config["architectures"]) == ("llama", ["LlamaForCausalLM"])
    assert not {"layer_types", "forward_passes", "sliding_window", "use_sequential"} & config.keys()


def test_the_history_names_the_base_and_the_member(exported: Path) -> None:
    training = json.loads((exported / "training.json").read_text())
    assert training["title"] == "LCKV, 2 warm-up layers"
    commands = [run["command"].split()[2] for run in training["runs"]]
    assert commands == ["base", "lckv"]


def test_the_member_predicts_the_text_better_than_chance(exported: Path) -> None:
    decoder, tokenizer = load_shipped(exported, torch.float32)
    tokens = torch.tensor([tokenizer.encode(SENTENCE).ids])
    with torch.no_grad():
        logits = decoder.logits(decoder(tokens, torch.float32))
    loss = F.cross_entropy(logits[0, :-1], tokens[0, 1:]).item()
    assert loss < 5  # chance: ln 300 = 5.7 nats


def test_weights_that_do_not_fit_into_half_precision_are_refused(out: Path, member: Weights, tmp_path: Path) -> None:
    assert member
    model, _ = load_checkpoint(out / "lckv.pt")
    state = torch.load(out / "lckv.pt", map_location="cpu", weights_only=True)
    name = next(iter(model.state_dict()))
    state["model"][name][0, 0] = 1e6
    (tmp_path / "cache").mkdir()
    torch.save(state, tmp_path / "lckv.pt")
    with pytest.raises(ValueError, match="too large for float16"):
        export("lckv", tmp_path, tmp_path / "models")
