"""The notation of `layer_types` (docs/semantics.md), as gpu/plan/layer-types.ts and forward-plan.ts read it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """The layer whose keys and values a layer reads, and whether it sees them only through the sliding window."""

    reads_from: int
    windowed: bool


@dataclass(frozen=True)
class Group:
    """Layers `start` up to, not including, `stop`; iterated if one of them reads above itself."""

    start: int
    stop: int
    iterated: bool


def parse_layer_types(text: str) -> tuple[Entry, ...]:
    """Reads one entry per layer. Raises a ValueError that names the wrong entry."""
    parts = text.split("_")
    entries = []
    for layer, part in enumerate(parts):
        match = re.fullmatch(r"([0-9]+)(s?)", part)
        if not match or int(match[1]) >= len(parts):
            raise ValueError(f'layer_types: entry {layer}, "{part}", names no layer of {len(parts)}')
        entries.append(Entry(int(match[1]), match[2] == "s"))
    return tuple(entries)


def owners(entries: tuple[Entry, ...]) -> frozenset[int]:
    """The layers that some entry names: only they compute keys and values."""
    return frozenset(entry.reads_from for entry in entries)


def cut_into_groups(entries: tuple[Entry, ...]) -> tuple[Group, ...]:
    """Groups of layers in order: those that run once, and those that parallel mode iterates."""
    groups: list[Group] = []
    start = 0
    while start < len(entries):
        iterated = entries[start].reads_from > start
        if iterated:
            top = entries[start].reads_from
            while (higher := max(entry.reads_from for entry in entries[start : top + 1])) > top:
                top = higher
            stop = top + 1
        else:
            stop = start + 1
            while stop < len(entries) and entries[stop].reads_from <= stop:
                stop += 1
        groups.append(Group(start, stop, iterated))
        start = stop
    return tuple(groups)
