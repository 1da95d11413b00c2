"""What one set of parameters makes of the SAM template, offline: translated, conditions decided, parameters put in."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/tuner/e722ae60-fe62-11e8-9a0e-0ae8cc519968",
    "AWS::StackName": "tuner",
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)}")


class _NoValue:
    """What AWS::NoValue means: the property is absent."""


_NO_VALUE = _NoValue()


@dataclass(frozen=True, slots=True)
class Stack:
    """What one set of parameters deploys; of the intrinsic functions only references to resources are left."""

    resources: Mapping[str, dict[str, Any]]
    outputs: Mapping[str, dict[str, Any]]

    def find_all(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def as_template(self) -> dict[str, Any]:
        """A plain CloudFormation template without parameters or conditions, for the linter."""
        return {"Resources": dict(self.resources), "Outputs": dict(self.outputs)}


def load() -> dict[str, Any]:
    """The SAM template as written, short forms of intrinsic functions spelt out."""
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 - a safe one
    return template


class _Loader(yaml.CSafeLoader):
    """SAM's own takes six times as long."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def translate(source: Mapping[str, Any], parameters: Mapping[str, object]) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of it; what `sam package` would upload counts as uploaded."""
    packaged: dict[str, Any] = copy.deepcopy(dict(source))
    packaged["Globals"]["Function"]["CodeUri"] = "s3://artifacts/functions"
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = f"s3://artifacts/{resource['Properties']['ContentUri']}"
    # Of AWS it would want to know its region, and the managed policies, which the template names by ARN.
    translator = Translator(None, Parser(), boto_session=SimpleNamespace(region_name=REGION))
    translated: dict[str, Any] = translator.translate(packaged, dict(parameters))
    return translated


def deploy(
    source: Mapping[str, Any], parameters: Mapping[str, object], pseudo: Mapping[str, str] | None = None
) -> Stack:
    """What `translate` makes of it, as `decide` decides it."""
    return decide(translate(source, parameters), parameters, pseudo)


def decide(
    translated: Mapping[str, Any], parameters: Mapping[str, object], pseudo: Mapping[str, str] | None = None
) -> Stack:
    """Decides what CloudFormation would decide with these parameters and the defaults.

    `pseudo` are pseudo parameters in place of our own. Raises KeyError for a mapping without such a key: CloudFormation
    looks it up even in a branch of Fn::If that is not taken.
    """
    values = {
        name: _value(declared["Type"], parameters.get(name, declared.get("Default")))
        for name, declared in translated["Parameters"].items()
    }
    resolver = _Resolver(
        {**PSEUDO_PARAMETERS, **values, **(pseudo or {})},
        translated.get("Conditions", {}),
        translated.get("Mappings", {}),
    )
    resolver.check_mappings(translated["Resources"])
    return Stack(
        resources=dict(resolver.present(translated["Resources"])),
        outputs=dict(resolver.present(translated.get("Outputs", {}))),
    )


def _value(kind: str, given: object) -> object:
    return str(given).split(",") if kind == "CommaDelimitedList" else given


@dataclass(frozen=True, slots=True)
class _Resolver:
    parameters: Mapping[str, object]
    conditions: Mapping[str, Any]
    mappings: Mapping[str, Any]

    def present(self, section: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, entry in section.items():
            if "Condition" not in entry or self._is_true({"Condition": entry["Condition"]}):
                without = {key: value for key, value in entry.items() if key != "Condition"}
                yield name, cast("dict[str, Any]", self._resolve(without))

    def check_mappings(self, node: object) -> None:
        """Raises KeyError, as CloudFormation does before it decides anything."""
        if isinstance(node, dict):
            if "Fn::FindInMap" in node:
                self._resolve(node)
            for value in node.values():
                self.check_mappings(value)
        elif isinstance(node, list):
            for value in node:
                self.check_mappings(value)

    def _resolve(self, node: object) -> object:
        match node:
            case {"Ref": "AWS::NoValue"}:
                return _NO_VALUE
            case {"Ref": str(name)} if name in self.parameters:
                return self.parameters[name]
            case {"Fn::FindInMap": [str(name), first, second]}:
                return self.mappings[name][self._resolve(first)][self._resolve(second)]
            case {"Fn::If": [condition, then, otherwise]}:
                return self._resolve(then if self._is_true({"Condition": condition}) else otherwise)
            case {"Fn::Sub": _} | {"Fn::Join": _} | {"Fn::Split": _} | {"Fn::Select": _}:
                return self._text(node)
            case dict():
                resolved = {key: self._resolve(value) for key, value in node.items()}
                return {key: value for key, value in resolved.items() if value is not _NO_VALUE}
            case list():
                return [value for item in node if (value := self._resolve(item)) is not _NO_VALUE]
            case _:
                return node

    def _text(self, node: object) -> object:
        """The functions that make and take apart text; left as they are where a resource's own name is in it."""
        match node:
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return self._substitute(text, {name: self._resolve(value) for name, value in variables.items()})
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Join": [str(separator), parts]}:
                joined = self._resolve(parts)
                if isinstance(joined, list) and all(isinstance(part, str | int) for part in joined):
                    return separator.join(str(part) for part in joined)
                return {"Fn::Join": [separator, joined]}
            case {"Fn::Split": [str(separator), text]}:
                whole = self._resolve(text)
                return whole.split(separator) if isinstance(whole, str) else {"Fn::Split": [separator, whole]}
            case {"Fn::Select": [int(index), choices]}:
                found = self._resolve(choices)
                return found[index] if isinstance(found, list) else {"Fn::Select": [index, found]}
            case _:
                raise NotImplementedError(f"the template's texts have not needed this yet: {node}")

    def _substitute(self, text: str, variables: Mapping[str, object]) -> object:
        known = {**self.parameters, **{name: _as_placeholder(value) for name, value in variables.items()}}
        replaced = _PLACEHOLDER.sub(lambda match: str(known.get(match[1], match[0])), text)
        return {"Fn::Sub": replaced} if _PLACEHOLDER.search(replaced) else replaced

    def _is_true(self, condition: object) -> bool:
        match condition:
            case {"Condition": str(name)}:
                return self._is_true(self.conditions[name])
            case {"Fn::Equals": [left, right]}:
                return self._resolve(left) == self._resolve(right)
            case {"Fn::Not": [inner]}:
                return not self._is_true(inner)
            case {"Fn::And": [*parts]}:
                return all(map(self._is_true, parts))
            case {"Fn::Or": [*parts]}:
                return any(map(self._is_true, parts))
            case _:
                raise NotImplementedError(f"the template's conditions have not needed this yet: {condition}")


def _as_placeholder(value: object) -> object:
    """A resource's own name as it is written in a text."""
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case _:
            return value


def references(node: object) -> Iterator[tuple[str, str]]:
    """Every (intrinsic function, logical id) that is left in a resolved node."""
    match node:
        case {"Ref": str(name)}:
            yield "Ref", name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield "GetAtt", name
        case {"Fn::Sub": str(text)}:
            for name in _PLACEHOLDER.findall(text):
                yield "Sub", name.partition(".")[0]
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)
        case _:
            return
