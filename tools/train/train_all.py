"""Trains the whole family: the base, and from it every member.

    python tools/train/train_all.py --corpus CORPUS --out OUT --base-tokens 6098944 --tokens 1000000

Every run goes on from its checkpoint, so this can be stopped and started again at any time.
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
    parser.add_argument("--tokens", type=int, required=True, help="further tokens of every member")
    chosen, more = parser.parse_known_args()
    for name in (BASE, *MEMBERS):
        tokens = chosen.base_tokens if name == BASE else chosen.tokens
        command = [sys.executable, str(TRAIN), name, "--corpus", chosen.corpus, "--out", chosen.out]
        subprocess.run([*command, "--tokens", str(tokens), *more], check=True)
