"""Find every mistake in a policy, and what is valid but suspicious.

All mistakes are reported at once, with line and column; no function would start with such a file. A policy without
mistakes is then searched for what its author may not have meant:

  never-matches        a rule that no event reaches: the rules before it, perhaps only together, match everything
                       that it matches, or it contradicts itself
  gap                  a range of a number, between the ranges of two rules, that no rule covers
  overlap              a range of a number that two rules cover, with different actions
  flapping             two rules that touch at a number and give different intervals on either side, so that a
                       value that wavers there changes the interval each time
  curve-not-monotonic  a curve that goes up and down
  always-clamped       a curve that lies entirely outside the bounds
  never-ends           a `for` with `then: previous` on a task for which no other rule sets a lasting interval: when
                       it ends, the task has nothing to return to and keeps the interval
  limits-contradict    two limits that hold for the same event at the same time, one asking for a longer interval than
                       the other allows
  limit-without-effect a limit that changes no interval of any rule at any time at which it holds
  unusual-attribute    a path that does not begin with a usual attribute of an event: often `data.` was forgotten

Each of these comes with events that show it, decided by the policy itself (a limit that applies to no event has none to
show). You can pass them to `tuner explain`. With --events FILE (a sample event or a recording, anything that `tuner
explain` reads) it also finds:

  finds-nothing        a path of the policy that finds nothing in any of these events, and what they have instead

It lists at most 20 of each kind, and says if there are more (`left_out`).

Common patterns are not reported: a catch-all rule after special ones; a narrow range before a wider one; no rule
below the lowest range or above the highest. Gaps and overlaps are reported only between rules that agree on
everything but the number (and share a type and, with windows, a time). Ranges that all end at whole numbers are taken
for counts: there is no gap between 10 and 11. Two rules do not flap if a `hold` lies between them, if their intervals
meet, if the one with the longer interval has `lengthen_after`, or if one has a `for`; nor if one side is only what a
share or a count cannot be: below 0, above 1 or above 100.
"""

from devkit.tuner.check.command import add_arguments, run

__all__ = ["add_arguments", "run"]
