"""Writes a trained member as a 16-bit checkpoint in the form of Hugging Face, with a record of its training.

python tools/train/export.py lckv --out OUT --models public/models
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from corpus import BEGIN, BEGIN_ID, END, END_ID
from members import MEMBERS
from model import Config
from train import load_checkpoint


def write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n")


PLAIN = Config().layer_types

UNUSED_WINDOW = 4096
"""What LCKV's own configurations say if no layer has a window."""


LCKV_FIELDS = ("layer_types", "sliding_window", "forward_passes", "backward_passes")


def config_json(config: Config) -> dict[str, object]:
    """A plain LLaMA opens in transformers as it is; a model that shares needs LCKV's code."""
    plain = config.layer_types == PLAIN
    fields = {name: value for name, value in config.as_dict().items() if not (plain and name in LCKV_FIELDS)}
    lckv: dict[str, object] = {
        "use_sequential": False,
        "sliding_window": config.sliding_window if "s" in config.layer_types else UNUSED_WINDOW,
        "force_nodiag": False,
    }
    return {
        "architectures": ["LlamaForCausalLM" if plain else "LCKVLlamaForCausalLM"],
        "model_type": "llama" if plain else "lckv-llama",
        "hidden_act": "silu",
        "torch_dtype": "float16",
        "bos_token_id": BEGIN_ID,
        "eos_token_id": END_ID,
        "attention_bias": False,
        "mlp_bias": False,
        "rope_scaling": None,
        **fields,
        **({} if plain else lckv),
        "tie_word_embeddings": True,
    }


def export(name: str, out: Path, models: Path) -> None:
    model, history = load_checkpoint(out / f"{name}.pt")
    config = model.config
    folder = models / f"fairy-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    half = {key: value.to(torch.float16).contiguous() for key, value in model.state_dict().items()}
    overflown = [key for key, value in half.items() if not torch.isfinite(value).all()]
    if overflown:
        raise ValueError(f"{name}: {overflown} hold numbers that are too large for float16")
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config_json(config))
    # The sampling that the page opens with: tests/unit/worker/generation-config.spec.ts compares them.
    sampling = {"do_sample": True, "temperature": 0.8, "top_k": 0, "top_p": 0.95, "repetition_penalty": 1.1}
    write_json(folder / "generation_config.json", {"bos_token_id": BEGIN_ID, "eos_token_id": END_ID, **sampling})
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BEGIN,
            "eos_token": END,
            "add_bos_token": True,
            "model_max_length": config.max_position_embeddings,
            "clean_up_tokenization_spaces": False,
        },
    )
    shutil.copyfile(out / "cache" / "tokenizer.json", folder / "tokenizer.json")
    parameters = sum(value.numel() for value in half.values())
    write_json(
        folder / "training.json",
        {"title": MEMBERS[name].title, "parameters": parameters, "runs": history},
    )
    size = (folder / "model.safetensors").stat().st_size
    print(f"fairy-{name}: {parameters} parameters, {size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(MEMBERS))
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--models", type=Path, required=True, help="folder to write fairy-NAME into")
    chosen = parser.parse_args()
    for member in chosen.names:
        export(member, chosen.out, chosen.models)
