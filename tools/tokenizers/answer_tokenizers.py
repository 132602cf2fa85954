"""Answers tests/fixtures/tokenizers/families.json with the tokenizers library of Rust.

    python -m pip install tokenizers==0.23.2
    python tools/tokenizers/answer_tokenizers.py

Writes family-answers.json: by case, for each text its tokens with those around it, and the text that they read as.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer

FOLDER = Path(__file__).parents[2] / "tests" / "fixtures" / "tokenizers"


def main() -> None:
    fixture = json.loads((FOLDER / "families.json").read_text(encoding="utf-8"))
    answers = {}
    for case in fixture["cases"]:
        base = fixture["bases"][case["base"]]
        whole = {**base, **case["changes"], "model": {**base["model"], **case["model"]}}
        tokenizer = Tokenizer.from_str(json.dumps(whole))
        encoded = [tokenizer.encode(text).ids for text in fixture["texts"]]
        answers[case["name"]] = [[ids, tokenizer.decode(ids)] for ids in encoded]
    text = json.dumps(answers, ensure_ascii=False, indent=None)
    (FOLDER / "family-answers.json").write_text(text + "\n", encoding="utf-8")


main()
