"""Renders the chat templates of tests/fixtures/chat-templates with transformers' own code.

    python -m pip install transformers==5.18.0 jinja2==3.1.6
    python tools/chat-templates/render_chat_templates.py

Writes answers.json: by template, its text for each conversation of conversations.json, or null if transformers
refuses it. Templates that ask for the time get 2026-11-05 15:04:07.
"""

import datetime
import json
from pathlib import Path

from transformers.utils import chat_template_utils

FOLDER = Path(__file__).parents[2] / "tests" / "fixtures" / "chat-templates"
NOW = datetime.datetime(2026, 11, 5, 15, 4, 7)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class FixedDatetime(datetime.datetime):
    """`datetime.now()` of the templates' `strftime_now`."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return NOW


def render(template: str, messages: list[dict[str, str]]) -> str | None:
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=template, add_generation_prompt=True, **TOKENS
        )
        return rendered[0]
    except Exception as error:
        print(f"  refused: {type(error).__name__}: {error}")
        return None


def read(name: str) -> list:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def main() -> None:
    chat_template_utils.datetime = FixedDatetime  # `strftime_now` asks it
    conversations = read("conversations.json")
    answers = {}
    for entry in read("families.json") + read("features.json"):
        print(entry["name"])
        answers[entry["name"]] = [render(entry["template"], messages) for messages in conversations]
    text = json.dumps(answers, ensure_ascii=False, indent=1)
    (FOLDER / "answers.json").write_text(text + "\n", encoding="utf-8")


main()
