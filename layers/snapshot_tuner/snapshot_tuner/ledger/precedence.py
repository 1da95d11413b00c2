"""What a task should be now: of all that was asked for and has not ended, what holds. Pure.

Wishes without an end compete with each other, the newest wins: the base. A time-bound wish competes with
those of its own rule. While time-bound ones are open the shortest interval holds, then the base. As every
end counts from its event's time, what holds at a moment does not depend on the order of deliveries.
"""

from snapshot_tuner.ledger.types import OPEN_MOST, Held, TaskState, Wish


def strand(state: TaskState, wish: Wish) -> Wish | None:
    """The wish that this one competes with: the newest one is kept."""
    if wish.until_us is None:
        return state.base
    return next((each for each in state.open if each.rule == wish.rule), None)


def take(state: TaskState, wish: Wish, now: int) -> TaskState:
    """The state with the wish in its strand, as it is now. `state` is of now, too."""
    if wish.until_us is None and not wish.lengthen_us and not state.open and state.held is None:
        # What it nearly always comes to, in one step: nothing is, or gets, bound in time.
        if wish == state.desired:
            return state._replace(base=wish)
        return state._replace(base=wish, desired=wish, desired_at=now, call_due=now)
    before = state
    if wish.until_us is None:
        state = state._replace(base=wish)
    else:
        others = [each for each in state.open if each.rule != wish.rule]
        if len(others) == OPEN_MOST:  # rules come and go with policies: the one that ends first gives way
            others.remove(min(others, key=_ends))
        state = state._replace(open=(*others, wish))
    state = _lapse(state, now)
    wanted = _without_cooldown(state, now)
    if wanted != _without_cooldown(before, now):
        held = None
        if wish.lengthen_us and wanted.interval > before.desired.interval:
            due = max(each.asked_us for each in _asked(before) if each.interval < wanted.interval) + wish.lengthen_us
            held = Held(before.desired, due) if due > now else None
        state = state._replace(held=held)
    return _with_what_holds(state, now)


def pass_time(state: TaskState, now: int) -> TaskState:
    """What has ended no longer holds; where that changes what the task should be, a call is due now."""
    if not state.open and state.held is None:
        return state  # nothing in it can end
    return _with_what_holds(_lapse(state, now), now)


def _with_what_holds(state: TaskState, now: int) -> TaskState:
    wanted = holds(state, now)
    if wanted == state.desired:
        return state
    return state._replace(desired=wanted, desired_at=now, call_due=now)


def holds(state: TaskState, now: int) -> Wish:
    """What the task should be now."""
    wanted = _without_cooldown(state, now)
    held = state.held
    return held.wish if held is not None and now < held.until_us and held.wish.interval < wanted.interval else wanted


def holds_until(state: TaskState) -> int | None:
    """When `desired` ends, as far as is known."""
    if state.held is not None and state.held.wish == state.desired:
        return state.held.until_us
    return state.desired.until_us


def next_change(state: TaskState, now: int) -> int | None:
    """The next moment at which `pass_time` may find another wish."""
    if not state.open and state.held is None:
        return None
    ends = [wish.until_us for wish in state.open if wish.until_us is not None and wish.until_us > now]
    if state.held is not None and state.held.until_us > now:
        ends.append(state.held.until_us)
    return min(ends, default=None)


def _lapse(state: TaskState, now: int) -> TaskState:
    base = state.base
    for wish in state.open:
        newer = base is None or wish.order_key > base.order_key
        if _ends(wish) <= now and wish.then is not None and newer:
            base = wish._replace(interval=wish.then, until_us=None, then=None)
    held = state.held if state.held is not None and state.held.until_us > now else None
    return state if base is state.base and held is state.held else state._replace(base=base, held=held)


def _without_cooldown(state: TaskState, now: int) -> Wish:
    is_open = [wish for wish in state.open if _ends(wish) > now] if state.open else None
    if is_open:
        shortest = min(wish.interval for wish in is_open)
        return max((wish for wish in is_open if wish.interval == shortest), key=lambda wish: wish.order_key)
    if state.base is not None:
        return state.base
    # Nobody knows what the task was before: it stays as it is.
    return max(state.open, key=lambda wish: (_ends(wish), wish.order_key))


def _asked(state: TaskState) -> list[Wish]:
    wishes = [state.desired, *state.open]
    return wishes if state.base is None else [*wishes, state.base]


def _ends(wish: Wish) -> int:
    return wish.until_us or 0
