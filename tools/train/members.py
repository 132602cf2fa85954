"""The family: a plain LLaMA as the base, and one member for every way of sharing that starts from it."""

from dataclasses import dataclass

BASE = "base"


@dataclass(frozen=True)
class Member:
    layer_types: str
    title: str


MEMBERS = {
    "llama": Member("0_1_2_3_4_5_6_7", "plain LLaMA"),
    "lckv": Member("0_6_6_6_6_6_6_7", "LCKV, 2 warm-up layers"),
    "lckv-4": Member("0_1_5_5_5_5_6_7", "LCKV, 4 warm-up layers"),
    "cla": Member("0_0_2_2_4_4_6_6", "CLA, pairs"),
    "yoco": Member("0s_1s_2s_3s_4_4_4_4", "YOCO"),
    "mixattention": Member("0_1s_1s_3s_3s_3s_0_7s", "MixAttention, pairs"),
    "sandwich": Member("0_3_3_3_3_3_3_7", "sandwich, middle"),
}
