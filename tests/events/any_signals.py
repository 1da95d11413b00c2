"""Signals as envelopes can give them: any text, exact numbers, nested data, with or without a time of their own."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json, Signal

_LAST_US = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z."""
_CLOUD_EVENT_OWN = {"specversion", "id", "source", "type", "time", "sequence", "data", "data_base64"}
_EVENTBRIDGE_OWN = {"specversion", "id", "source", "detail-type", "time", "detail"}

numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\Z")
"""As a sender may write them."""

_scalars = numbers | st.text().map(json.dumps) | st.sampled_from(["true", "false", "null"])
documents = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda values: f"[{','.join(values)}]")
        | st.dictionaries(st.text(), inner, max_size=4).map(
            lambda members: "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"
        )
    ),
    max_leaves=12,
)
"""The text of any JSON document."""

_values = documents.map(decode)
_names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
_attribute_names = st.text(max_size=8) | st.sampled_from(
    ["subject", "account", "type", "sequence", "detail-type", "data"]
)


def _as_cloud_event(attributes: Mapping[str, Json], sequence: int | None) -> tuple[dict[str, Json], int | None]:
    named: dict[str, Json] = {}
    named |= {name: value for name, value in attributes.items() if name not in _CLOUD_EVENT_OWN and value is not None}
    return named, sequence


def _as_eventbridge(attributes: Mapping[str, Json]) -> tuple[dict[str, Json], int | None]:
    return {name: value for name, value in attributes.items() if name not in _EVENTBRIDGE_OWN}, None


_attributes = st.dictionaries(_attribute_names, _values, max_size=4)
signals = st.builds(
    lambda id_, source, type_, time_us, own, data, attributes: Signal(
        id_, source, type_, time_us, data, own, attributes[1], attributes[0]
    ),
    _names,
    _names,
    _names,
    st.integers(0, _LAST_US),
    st.booleans(),
    _values,
    st.builds(_as_cloud_event, _attributes, st.none() | st.integers(0, 2**128 - 1))
    | st.builds(_as_eventbridge, _attributes),
)
"""Of CloudEvents and of EventBridge events."""
