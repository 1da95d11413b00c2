"""What becomes of the elements of a body: the templates of a reading, compiled."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from snapshot_tuner.events import attributes
from snapshot_tuner.events.readings.elements import Walk
from snapshot_tuner.events.readings.forms import ATTRIBUTES, FieldsForm, PartForm, ReadingForm
from snapshot_tuner.events.readings.templates import Scope, Template
from snapshot_tuner.model import Json

Matches: TypeAlias = Callable[[Json], bool]
"""A pattern over a body or an element."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The templates of one kind of element; `matches` says which elements are of it."""

    matches: Matches | None
    attributes: Sequence[tuple[str, Template]]
    data: Template
    gives_source: bool

    @classmethod
    def of(cls, form: FieldsForm, matches: Matches | None, scope: Scope) -> "Fields":
        # By name, as TypedDict has it.
        given = {name: text for name in ATTRIBUTES if isinstance(text := form.get(name), str)}
        data = form.get("data", f"{{{scope.innermost}}}")
        return cls(
            matches,
            [(name, Template.parse(text, scope)) for name, text in given.items()],
            Template.from_data(data, scope),
            "{" in given.get("source", ""),
        )

    @property
    def asks(self) -> list[int]:
        return [number for _, template in self.attributes for number in template.asks] + list(self.data.asks)


@dataclass(frozen=True, slots=True)
class Branch:
    """The elements of one list, or the body itself, and what becomes of them."""

    walk: Walk
    kinds: Sequence[Fields]
    list_steps: tuple[str | int, ...] | None

    def fields(self, item: Json) -> Fields:
        """Those of an element."""
        return next(kind for kind in self.kinds if kind.matches is None or kind.matches(item))


def branches(form: ReadingForm, compiled: Callable[[dict[str, Json]], Matches]) -> Iterator[Branch]:
    """One for each list that elements come from; without a list the body itself is the only element."""
    own_lists: list[PartForm | None] = [part for part in form["parts"] if part["each"] is not None]
    for own in own_lists or [None]:
        scope = Scope(form["each"] if own is None else own["each"] or [])
        default = "{record.id}-{index}" if scope.loops else "{record.id}"
        base: FieldsForm = {"id": default, "source": f"{attributes.READING_PREFIX}{form['name']}", **form["fields"]}
        kinds: list[Fields] = []
        if own is None:
            for part in form["parts"]:
                kinds += [Fields.of({**base, **part["fields"]}, compiled(part["where"] or {}), scope)]
            kinds += [Fields.of(base, None, scope)]
        else:
            kinds.append(Fields.of({**base, **own["fields"]}, None, scope))
        most = Counter[int]()
        for kind in kinds:
            most |= Counter(kind.asks)
        walk = Walk(scope, most, may_be_missing=own is not None)
        steps = None
        if scope.loops and all(not isinstance(step, tuple) for step in scope.loops[0].path.steps):
            steps = tuple(step for step in scope.loops[0].path.steps if not isinstance(step, tuple))
        yield Branch(walk, kinds, steps)
