"""`python -m devkit.day`: make events/day.ndjson.gz, or another day, anew."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from devkit.day import recording
from devkit.day.deterministic_random import DeterministicRandom
from devkit.day.trace import day

SEED, ROOMS = 2026, 500
"""Those of events/day.ndjson.gz."""


def main() -> int:
    """Writes the file, and says what is in it."""
    parser = argparse.ArgumentParser(prog="python -m devkit.day", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="each seed makes another day (default %(default)s)")
    parser.add_argument("--rooms", type=int, default=ROOMS, help="how many rooms open (default %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.ndjson.gz")
    arguments = parser.parse_args()
    arrivals = day(arguments.rooms, DeterministicRandom(arguments.seed))
    recording.write(recording.text(arrivals), arguments.output)
    types = ", ".join(f"{count:,} {name}" for name, count in sorted(Counter(each.type for each in arrivals).items()))
    print(f"{arguments.output}: {len(arrivals):,} events, {arguments.output.stat().st_size:,} bytes; {types}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
