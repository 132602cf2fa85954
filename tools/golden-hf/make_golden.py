"""Writes small random checkpoints and their logits by Hugging Face transformers into tests/fixtures/golden-hf.

Run by hand, with PyTorch and transformers 5 installed: python tools/golden-hf/make_golden.py
Each model is saved in 16 bits and read back by `from_pretrained` in float32, as a person would: so its rotary
frequencies are float32 too, not rounded to the checkpoint's type, and its numbers are exactly those of the file.
"""

import json
import pathlib

import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "golden-hf"
POSITIONS = [0, 1, 20, 39]
NEW_TOKENS = 20

SMALL = {
    "vocab_size": 96,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "initializer_range": 0.15,
}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 32}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}

# case: (configuration, the type it is stored in)
CASES = {
    "mistral-window": (MistralConfig(**SMALL, sliding_window=8, head_dim=16), torch.bfloat16),
    "qwen2-implicit-bias": (Qwen2Config(**{**SMALL, "hidden_size": 64}, tie_word_embeddings=True), torch.bfloat16),
    "qwen3-mixed-windows": (
        Qwen3Config(**SMALL, head_dim=16, use_sliding_window=True, sliding_window=8, max_window_layers=1),
        torch.bfloat16,
    ),
    "llama-biases-linear": (
        LlamaConfig(**SMALL, head_dim=16, attention_bias=True, mlp_bias=True, rope_parameters=LINEAR),
        torch.float16,
    ),
    "llama-llama3": (LlamaConfig(**SMALL, head_dim=16, rope_parameters=LLAMA3), torch.float16),
    "qwen3-yarn": (Qwen3Config(**SMALL, head_dim=32, rope_parameters=YARN), torch.bfloat16),
    "llama-yarn-mscale": (
        LlamaConfig(
            **SMALL,
            head_dim=16,
            rope_parameters={
                **YARN,
                "mscale": 1.0,
                "mscale_all_dim": 0.5,
                "beta_fast": 16.0,
                "beta_slow": 2.0,
                "truncate": False,
            },
        ),
        torch.float16,
    ),
}


def make_random(config: PreTrainedConfig, dtype: torch.dtype) -> PreTrainedModel:
    """A model whose biases and norms are not zeros and ones, so that leaving one out is seen."""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                centre = 1.0 if "norm" in name else 0.0
                parameter.copy_(centre + 0.3 * torch.randn_like(parameter))
    return model.to(dtype)


@torch.no_grad()
def continue_greedily(model: PreTrainedModel, tokens: list[int]) -> tuple[list[int], float]:
    """New tokens, and the least lead of a first choice over the second."""
    text, margin = list(tokens), float("inf")
    for _ in range(NEW_TOKENS):
        best = model(torch.tensor([text])).logits[0, -1].topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        text.append(int(best.indices[0]))
    return text[len(tokens) :], margin


@torch.no_grad()
def write(name: str, seed: int) -> bool:
    """Writes a case. False if its greedy text has a tie, which another seed may not have."""
    config, dtype = CASES[name]
    torch.manual_seed(seed)
    folder = FOLDER / name
    make_random(config, dtype).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    tokens = torch.randint(2, config.vocab_size, (40,)).tolist()
    logits = model(torch.tensor([tokens])).logits[0]
    greedy, margin = continue_greedily(model, tokens)
    if margin < 0.01:
        return False  # another order of summing could break the tie differently
    golden = {
        "tokens": tokens,
        "positions": POSITIONS,
        "logits": [[float(f"{value:.7g}") for value in logits[position].tolist()] for position in POSITIONS],
        "greedy": greedy,
        "greedy_margin": margin,
        "source": f"transformers {transformers.__version__} {type(model).__name__} {dtype} read as float32",
    }
    (folder / "golden.json").write_text(json.dumps(golden))
    return True


if __name__ == "__main__":
    for case in CASES:
        seed = next(seed for seed in range(100) if write(case, seed))
        print(case, "seed", seed)
