"""What a task should be now: of all that was asked for and has not ended, what is in effect. Pure.

Intents without an end compete with each other, the newest wins: the base. A time-bound intent competes with those of
its own rule. While time-bound ones are open the shortest interval is in effect, then the base; where there never was
one, the default of the time-bound one that ended last. As every end counts from its event's time, what is in effect at
a moment does not depend on the order of deliveries. Nor does it depend on when an event arrives that ends what older
events of some rules asked for: the newest end of each rule is kept, for those that arrive later.

What has no end goes on by its edges: at each of them its interval changes, without an event. An edge does not ask
for a longer interval, so no `lengthen_us` delays it.
"""

from collections.abc import Sequence

from snapshot_tuner.ledger.set_aside import LATEST_US
from snapshot_tuner.ledger.types import NOBODY, NOTE, OPEN_MOST, End, Intent, Stabilizing, TaskState
from snapshot_tuner.model import INTERVAL_DEFAULT_SECONDS


def nothing(by: Intent, now: int) -> TaskState:
    """The state of a task whose first known event asks for no interval.

    Code from before there were ends can work with it, too. It finds an adjustment that is over, and no other, so it
    leaves the task as it is; that is not confirmed, so it reads nothing back; and no call is due.
    """
    over = by._replace(interval=INTERVAL_DEFAULT_SECONDS, business_id=None, rule=NOBODY, until_us=min(by.asked_us, now))
    over = over._replace(then=None, lengthen_us=0, skip_us=0, default=None, edges=(), reason="")
    return TaskState(over, now, open=(over,), call_due=LATEST_US)


def end(state: TaskState, rules: Sequence[str], by: Intent, now: int) -> TaskState:
    """The state in which everything is ended that events of these rules older than `by` asked for, now and later."""
    newer = {each.rule for each in state.ends if each.rule in rules and each.order_key >= by.order_key}
    added = [End(rule, by.order_key, min(by.asked_us, now)) for rule in rules if rule not in newer]
    ends = [*(each for each in state.ends if each.rule in newer or each.rule not in rules), *added]
    while len(ends) > OPEN_MOST:  # rules come and go with policies
        ends.remove(min(ends, key=lambda each: each.order_key))
    return advance_to(state._replace(ends=tuple(ends)), now)


def cut(state: TaskState, intent: Intent) -> Intent:
    """The intent as far as no end of its rule that is newer has it end sooner."""
    until_us = intent.until_us
    for each in state.ends:
        if until_us is not None and each.rule == intent.rule and each.order_key > intent.order_key:
            until_us = min(until_us, each.at_us)
    return intent if until_us == intent.until_us else intent._replace(until_us=until_us)


def competitor(state: TaskState, intent: Intent) -> Intent | None:
    """The intent that this one competes with: the newest one is kept."""
    if intent.until_us is None:
        return state.base
    return next((each for each in state.open if each.rule == intent.rule), None)


def recorded(state: TaskState, order_key: str) -> Intent | None:
    """What an earlier delivery of the same event left, wherever that stands."""
    base = state.base
    if base is not None and base.order_key == order_key:
        return base
    return next((each for each in state.open if each.order_key == order_key and each.rule != NOBODY), None)


def withdraw(state: TaskState, intent: Intent, now: int) -> TaskState:
    """The state without what an earlier delivery of the same event left, where another policy had decided it.

    The base that it replaced is not kept; what was confirmed last comes nearest to it. If nothing is left, the state
    waits for the intent to be taken.
    """
    key, stabilizing = intent.order_key, state.stabilizing
    asked = [state.base, *state.open, stabilizing and stabilizing.intent]
    own = (_passed(intent, now), _ended(intent, now), _by_default(intent, now))
    wants = [each and _wants(each) for each in own]
    if all(each is None or each.order_key != key or _wants(each) in wants for each in asked):
        return state
    base, applied = state.base, state.applied
    if base is not None and base.order_key == key:
        is_earlier = applied is not None and applied.until_us is None and applied.order_key < key
        base = _as_asked(applied) if applied is not None and is_earlier else None
    if stabilizing is not None and stabilizing.intent.order_key == key:
        stabilizing = None
    others = tuple(each for each in state.open if each.order_key != key)
    state = state._replace(base=base, open=others, stabilizing=stabilizing)
    return _with_effective(_expire(state, now), now) if base is not None or others else state


def take(state: TaskState, intent: Intent, now: int, call_due: int) -> TaskState:
    """The state with the intent in its competitor, as it is now. `state` is of now, too.

    Where the intent is in effect, the task is desired since now, and left to the event's source until `call_due`.
    """
    if state.asks_nothing:
        state = state._replace(open=())
    if intent.until_us is None and not intent.lengthen_us and not state.open and state.stabilizing is None:
        # What it nearly always comes to, in one step: nothing is, or gets, bound in time.
        intent = _passed(intent, now)
        return state._replace(base=intent, desired=intent, desired_at=now, call_due=call_due)
    before = state
    was = _unstabilized(before, now) if before.base is not None or before.open else None
    if intent.until_us is None:
        state = state._replace(base=intent)
    else:
        others = [each for each in state.open if each.rule != intent.rule]
        if len(others) == OPEN_MOST:  # rules come and go with policies: the one that ends first gives way
            others.remove(min(others, key=_end))
        state = state._replace(open=(*others, intent))
    state = _expire(state, now)
    wanted = _unstabilized(state, now)
    if was is None or _wants(wanted) != _wants(was):
        stabilizing = None
        if was is not None and intent.lengthen_us and wanted.interval > before.desired.interval:
            due = max(each.asked_us for each in _asked(before) if each.interval < wanted.interval) + intent.lengthen_us
            stabilizing = Stabilizing(before.desired, due) if due > now else None
        state = state._replace(stabilizing=stabilizing)
    state = _with_effective(state, now)
    if state.desired.order_key == intent.order_key:
        state = state._replace(desired_at=now, call_due=call_due)
    return state


def advance_to(state: TaskState, now: int) -> TaskState:
    """What has ended is no longer in effect; where that changes what the task should be, a call is due now."""
    if not state.open and state.stabilizing is None and (state.base is None or not state.base.edges):
        return state  # nothing in it can end
    if state.ends:  # code from before there were ends may have put something back
        state = state._replace(open=tuple(cut(state, intent) for intent in state.open))
    return _with_effective(_expire(state, now), now)


def _with_effective(state: TaskState, now: int) -> TaskState:
    wanted = effective(state, now)
    if wanted == state.desired:
        return state
    if _wants(wanted) == _wants(state.desired):
        return state._replace(desired=wanted)
    return state._replace(desired=wanted, desired_at=now, call_due=now)


def effective(state: TaskState, now: int) -> Intent:
    """What the task should be now."""
    wanted, stabilizing = _unstabilized(state, now), state.stabilizing
    if stabilizing is None or stabilizing.until_us <= now or stabilizing.intent.interval >= wanted.interval:
        return wanted
    return stabilizing.intent


def effective_until(state: TaskState) -> int | None:
    """When `desired` ends, as far as is known."""
    if state.stabilizing is not None and state.stabilizing.intent == state.desired:
        return state.stabilizing.until_us
    return state.desired.until_us


def next_change(state: TaskState, now: int) -> int | None:
    """The next moment at which `advance_to` may find another intent."""
    if not state.open and state.stabilizing is None and (state.base is None or not state.base.edges):
        return None
    changes = [intent.until_us for intent in state.open if intent.until_us is not None and intent.until_us > now]
    if not changes:
        edges = state.desired.edges if state.base is None else state.base.edges
        changes += [at for at, _ in edges if at > now][:1]
    if state.stabilizing is not None and state.stabilizing.until_us > now:
        changes.append(state.stabilizing.until_us)
    return min(changes, default=None)


def _expire(state: TaskState, now: int) -> TaskState:
    base = state.base
    for intent in state.open:
        newer = base is None or intent.order_key > base.order_key
        if _end(intent) <= now and intent.then is not None and newer:
            base = _ended(intent, now)
    base = base and _passed(base, now)
    stabilizing = state.stabilizing
    if stabilizing is not None and stabilizing.until_us <= now:
        stabilizing = None
    if base is state.base and stabilizing is state.stabilizing:
        return state
    return state._replace(base=base, stabilizing=stabilizing)


def _passed(intent: Intent, now: int) -> Intent:
    """One without an end, with the interval that it has after the edges that have passed."""
    if not intent.edges or intent.edges[0][0] > now or intent.until_us is not None:
        return intent
    return intent._replace(interval=[interval for at, interval in intent.edges if at <= now][-1])


def _as_asked(applied: Intent) -> Intent:
    """One without an end as it was before an operator's bounds changed it (`Bounds.clamp`)."""
    return applied if applied.then is None else applied._replace(interval=applied.then, then=None)


def _ended(intent: Intent, now: int) -> Intent | None:
    """What a time-bound intent becomes at its end."""
    if intent.then is None:
        return None
    return _passed(intent._replace(interval=intent.then, until_us=None, then=None), now)


def _by_default(intent: Intent, now: int) -> Intent | None:
    """What a time-bound intent becomes at its end if nothing else was ever asked for."""
    if intent.default is None:
        return None
    return _passed(intent._replace(interval=intent.default, until_us=None, then=None), now)


def _wants(intent: Intent) -> tuple[object, ...]:
    """All that has a say in what the task should be now: not the edges to come, which a retry may know better."""
    return (*intent[:NOTE], intent.default)


def _unstabilized(state: TaskState, now: int) -> Intent:
    is_open = [intent for intent in state.open if _end(intent) > now] if state.open else None
    if is_open:
        shortest = min(intent.interval for intent in is_open)
        return max((intent for intent in is_open if intent.interval == shortest), key=lambda intent: intent.order_key)
    if state.base is not None:
        return state.base
    with_default = [intent for intent in state.open if intent.default is not None]
    last = max(with_default or state.open, key=lambda intent: (_end(intent), intent.order_key))
    # Without any default it stays as it is: what the task was before is unknown.
    return _by_default(last, now) or last


def _asked(state: TaskState) -> list[Intent]:
    intents = [state.desired, *state.open]
    return intents if state.base is None else [*intents, state.base]


def _end(intent: Intent) -> int:
    return intent.until_us or 0
