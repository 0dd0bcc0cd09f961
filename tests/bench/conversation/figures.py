"""Percentiles, slopes, and time that several covered."""
import math


def percentile(values, share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line that fits best (least squares), per unit of x; 0 when there are fewer than two places."""
    count = len(points)
    if count < 2:
        return 0.0
    middle_x = sum(x for x, _ in points) / count
    middle_y = sum(y for _, y in points) / count
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    if spread == 0:
        return 0.0
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread


def covered(intervals, begin: float, end: float) -> float:
    """How much of [begin, end) lies in at least one of the intervals."""
    total, reached = 0.0, begin
    for first, last in sorted(intervals):
        first, last = max(first, reached), min(last, end)
        if last > first:
            total += last - first
            reached = last
    return total


def longest_silence(sounding: list[float], begin: float, end: float, block: float = 0.01) -> float:
    """Longest stretch of [begin, end) without a sounding block; `sounding`: begins of the blocks, rising."""
    longest, quiet_since = 0.0, begin
    for at in sounding:
        if at >= end:
            break
        longest = max(longest, at - quiet_since)
        quiet_since = max(quiet_since, at + block)
    return max(longest, end - quiet_since)
