"""Find every mistake in a policy, and what is legal but suspicious.

All mistakes are reported at once, with line and column; no function would start with such a file. A policy without
mistakes is then searched for what its author may not have meant:

  never-matches        a rule that no event reaches: the rules before it, perhaps only together, match everything
                       that it matches, or it contradicts itself
  gap                  a range of a number, between the ranges of two rules, that no rule covers
  overlap              a range of a number that two rules cover, with different actions
  flapping             two rules that touch at a number and give different intervals on either side, so that a
                       value that wavers there changes the interval each time
  curve-not-monotonic  a curve that goes up and down
  always-clamped       a curve that lies outside of the bounds altogether
  never-ends           a `for` with `then: previous` where no other rule asks for anything without an end for such a
                       task: it keeps the interval
  limits-contradict    two limits of which one asks for a longer interval than the other allows, for the same event
  unusual-attribute    a path that begins with no attribute that an event usually has: mostly, `data.` was forgotten

Each of these comes with events that show it, decided by the policy itself. You can pass them to `tuner explain`.
With --events FILE (a sample event or a recording, anything that `tuner explain` reads) it also finds:

  finds-nothing        a path of the policy that finds nothing in any of these events, and what they have instead

It lists at most 20 of each kind, and says if there are more (`left_out`).

What is usual is not reported: a rule for the rest behind special ones; a narrow range before a wider one; no rule
below the lowest range or above the highest. A gap and an overlap are looked for between rules that ask the same
of everything but the number (and have a type in common, and a time where they have windows). Ranges that all end at
whole numbers are taken for counts: there is no gap between 10 and 11. Two rules do not flap where a `hold` lies
between, where their intervals meet, where the one with the longer interval has a `lengthen_after`, or where one has a
`for`; nor where one side is only the rest of what a share or a count can be: below 0, above 1 or above 100.
"""

from devkit.tuner.check.command import add_arguments, run

__all__ = ["add_arguments", "run"]
