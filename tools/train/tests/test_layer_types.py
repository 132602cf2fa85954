"""The trainer reads the notation as the TypeScript does: both are held to tests/fixtures/layer-types.json."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny import TINY

from layer_types import cut_into_groups, owners, parse_layer_types
from members import MEMBERS
from model import Decoder

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures"
CASES = json.loads((FIXTURES / "layer-types.json").read_text(encoding="utf-8"))
GOOD = [case for case in CASES if "wrong" not in case]
WRONG = [case for case in CASES if "wrong" in case]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["text"])
def test_reads_entries_owners_and_groups(case: dict[str, Any]) -> None:
    entries = parse_layer_types(case["text"])
    assert len(entries) == case["layers"]
    if "entries" in case:
        assert [[entry.reads_from, entry.windowed] for entry in entries] == case["entries"]
    assert sorted(owners(entries)) == case["owners"]
    assert [[group.start, group.stop, group.iterated] for group in cut_into_groups(entries)] == case["groups"]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case["text"])
def test_names_the_wrong_entry(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"entry {case['wrong']}, "):
        parse_layer_types(case["text"])


def test_refuses_a_plan_for_another_number_of_layers() -> None:
    with pytest.raises(ValueError, match="3 entries for 8 layers"):
        Decoder(TINY.sharing("0_1_2"))


def test_every_member_has_a_plan_for_the_same_number_of_layers() -> None:
    assert {len(parse_layer_types(member.layer_types)) for member in MEMBERS.values()} == {8}


@pytest.mark.parametrize("layer_types", [member.layer_types for member in MEMBERS.values()])
def test_only_owners_have_key_and_value_projections(layer_types: str) -> None:
    names = Decoder(TINY.sharing(layer_types)).state_dict()
    have = {int(name.split(".")[2]) for name in names if "k_proj" in name}
    assert have == owners(parse_layer_types(layer_types))
    assert have == {int(name.split(".")[2]) for name in names if "v_proj" in name}
