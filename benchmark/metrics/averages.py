"""Averages that say when there is nothing to average."""

from diffseg30k import MAX_TURNS


def share_of(part: float, whole: float) -> float | None:
    """`part` / `whole`, or None where there is nothing to take a share of."""
    return float(part / whole) if whole else None


def mean_of(values: list[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def checked_turns(turns: int) -> int:
    """A number of edits, 0 to 3, or a ValueError."""
    if not 0 <= turns <= MAX_TURNS:
        raise ValueError(f"an image has 0 to {MAX_TURNS} edits, not {turns}")
    return int(turns)
