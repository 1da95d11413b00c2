"""How many calls were sent when: the most in any second, and over the whole time in a bounded number of buckets."""

from collections import deque
from heapq import heappop, heappush

BUCKETS_MOST = 2000


class CallRate:
    """Takes the moments at which calls are sent; seconds since some start."""

    def __init__(self) -> None:
        self.calls = 0
        self.most_in_a_second = 0
        self.bucket_seconds = 1
        self._most: list[int] = []
        self._counts: list[int] = []
        self._ahead: list[float] = []
        self._window: deque[float] = deque()

    def sent(self, at: float, now: float) -> None:
        """A call that is sent at `at`, not before `now`: workers report a little ahead, each in an order of its own."""
        heappush(self._ahead, at)
        self._count_until(now)

    def close(self) -> None:
        """No call is sent any more."""
        self._count_until(float("inf"))

    def buckets(self) -> tuple[list[int], list[float]]:
        """Per bucket: the most calls in a second that ends with one of its calls, and the mean per second."""
        return list(self._most), [count / self.bucket_seconds for count in self._counts]

    def _count_until(self, now: float) -> None:
        ahead, window = self._ahead, self._window
        while ahead and ahead[0] <= now:
            at = heappop(ahead)
            window.append(at)
            while window[0] <= at - 1:
                window.popleft()
            self.calls += 1
            self.most_in_a_second = max(self.most_in_a_second, len(window))
            bucket = self._bucket(at)
            self._counts[bucket] += 1
            self._most[bucket] = max(self._most[bucket], len(window))

    def _bucket(self, at: float) -> int:
        while int(at) // self.bucket_seconds >= BUCKETS_MOST:
            self.bucket_seconds *= 2
            self._most = [max(self._most[index : index + 2]) for index in range(0, len(self._most), 2)]
            self._counts = [sum(self._counts[index : index + 2]) for index in range(0, len(self._counts), 2)]
        bucket = int(at) // self.bucket_seconds
        missing = bucket + 1 - len(self._counts)
        if missing > 0:
            self._most += [0] * missing
            self._counts += [0] * missing
        return bucket
