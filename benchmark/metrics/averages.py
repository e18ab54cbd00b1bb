"""Averages that are None when there is nothing to average."""

from diffseg30k import MAX_TURNS


def share_of(part: float, whole: float) -> float | None:
    """`part` / `whole`, or None if `whole` is 0."""
    return float(part / whole) if whole else None


def mean_of(values: list[float]) -> float | None:
    """The mean; None if there are no values."""
    return sum(values) / len(values) if values else None


def checked_turns(turns: int) -> int:
    """Returns a number of edits if it is from 0 to 3, else raises ValueError."""
    if not 0 <= turns <= MAX_TURNS:
        raise ValueError(f"an image has 0 to {MAX_TURNS} edits, not {turns}")
    return int(turns)
