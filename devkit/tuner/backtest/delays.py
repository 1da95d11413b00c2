"""Percentiles of many delays, in bounded memory."""

from collections import Counter

_EXACT_MS = 10_000
_DIGITS = 4


class Delays:
    """Seconds, kept to the millisecond below 10 s and to four digits above; the longest is exact."""

    def __init__(self) -> None:
        self.count = 0
        self.most = 0.0
        self._by_ms: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        ms = round(seconds * 1000)
        if ms >= _EXACT_MS:
            ms = round(ms, _DIGITS - len(str(ms)))
        self._by_ms[ms] += 1
        self.count += 1
        self.most = max(self.most, seconds)

    def percentile(self, share: float) -> float:
        """The least delay, in seconds, that so large a share of all does not exceed; there has to be one."""
        wanted, seen = share * self.count, 0
        for ms in sorted(self._by_ms):
            seen += self._by_ms[ms]
            if seen >= wanted:
                return ms / 1000
        raise ValueError("there are no delays")
