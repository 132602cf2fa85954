"""Trains the whole family: the base, and from it every member.

    python tools/train/train_all.py --corpus CORPUS --out OUT --base-tokens 6098944 --tokens 1000000

Every run continues from its checkpoint, so you can stop this and start it again at any time.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from members import BASE, MEMBERS

TRAIN = Path(__file__).with_name("train.py")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--base-tokens", type=int, required=True, help="tokens of the base")
    parser.add_argument(
        "--base-short-tokens", type=int, default=0, help="how many of them come in windows of half length"
    )
    parser.add_argument("--start", help="what the base starts as: see train.py")
    parser.add_argument("--tokens", type=int, required=True, help="further tokens of every member")
    chosen, more = parser.parse_known_args()
    of_base = ["--tokens", str(chosen.base_tokens), "--short-tokens", str(chosen.base_short_tokens)]
    if chosen.start is not None:
        of_base += ["--start", chosen.start]
    for name in (BASE, *MEMBERS):
        command = [sys.executable, str(TRAIN), name, "--corpus", chosen.corpus, "--out", chosen.out, *more]
        subprocess.run([*command, *(of_base if name == BASE else ["--tokens", str(chosen.tokens)])], check=True)
