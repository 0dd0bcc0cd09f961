"""Whether a series grows, whatever single values do: Theil and Sen's slope, and the two ends of it."""
import dataclasses
import statistics

THOUSAND = 1000.0


def slope(points: list[tuple[float, float]]) -> float:
    """The median of the slopes of all pairs of points, per unit of x; 0 when there is no pair."""
    slopes = [(b - a) / (y - x) for i, (x, a) in enumerate(points) for y, b in points[i + 1:] if y != x]
    return statistics.median(slopes) if slopes else 0.0


def ends(points: list[tuple[float, float]], of=statistics.median) -> tuple[float, float]:
    """Of the first and of the last quarter."""
    part = max(1, len(points) // 4)
    return of(v for _, v in points[:part]), of(v for _, v in points[-part:])


@dataclasses.dataclass(frozen=True)
class Trend:
    per_thousand: float  # turns
    first: float
    last: float
    least_first: float  # what is always held: a connection that just ends does not belong to it
    least_last: float
    most: float

    @property
    def growth(self) -> float:
        return self.last - self.first

    @property
    def growth_of_least(self) -> float:
        return self.least_last - self.least_first


def trend(points: list[tuple[float, float]], behind: float) -> Trend:
    """Of the points behind the warm-up. Raises ValueError where nothing can be said: too few are no proof."""
    settled = [(x, value) for x, value in points if x >= behind]
    if len(settled) < 8:
        raise ValueError(f"{len(settled)} samples are too few")
    return Trend(slope(settled) * THOUSAND, *ends(settled), *ends(settled, min), max(v for _, v in settled))
