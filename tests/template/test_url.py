"""The function URL in its two modes: Lambda checks the caller, or the URL is public and the function checks."""

from collections.abc import Mapping
from typing import Any, Final

from snapshot_tuner.aws.secrets import STANDS_FOR
from snapshot_tuner.settings import HttpAuth, Settings
from tests.template.cloudformation import (
    BYTEPLUS,
    CUSTOM_PROVIDER,
    OPERATOR_TOKENS,
    OWN_STORE,
    PUBLIC_URL,
    REQUIRED,
    RTC_CALLBACK_SECRETS,
    SHARED_LEDGER,
    WEBHOOK_SECRETS,
    WEBHOOK_TOKENS,
    deploy,
    properties,
    translate,
)

SIGNED: Final = {**REQUIRED, **PUBLIC_URL}
WITHOUT_SECRETS: Final = {**REQUIRED, "HttpAuth": "signature"}


def test_lambda_checks_the_caller_unless_told_otherwise(source: Mapping[str, Any]) -> None:
    """By default, and with the secrets of signatures too, the URL wants SigV4 and nobody is permitted anything."""
    for options in (REQUIRED, {**SIGNED, "HttpAuth": "iam"}):
        stack = deploy(source, options)
        assert properties(stack, "HttpEndpointUrl") == {
            "AuthType": "AWS_IAM",
            "TargetFunctionArn": {"Ref": "HttpEndpointAliaslive"},
        }
        assert properties(stack, "HttpEndpoint")["Environment"]["Variables"]["HTTP_AUTH"] == "iam"
        assert stack.find_all("AWS::Lambda::Permission") == {}


def test_a_public_url_lets_everybody_in_to_the_function_that_checks_them(source: Mapping[str, Any]) -> None:
    """Everybody may invoke the alias, through the URL alone; the version behind it is told to check signatures."""
    stack = deploy(source, SIGNED)
    alias = {"Ref": "HttpEndpointAliaslive"}
    assert properties(stack, "HttpEndpointUrl") == {"AuthType": "NONE", "TargetFunctionArn": alias}
    assert properties(stack, "HttpEndpoint")["Environment"]["Variables"]["HTTP_AUTH"] == "signature"
    assert stack.find_all("AWS::Lambda::Permission") == {
        "HttpEndpointPublicUrlPermission": {
            "FunctionName": alias,
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        },
        "HttpEndpointPublicInvokePermission": {
            "FunctionName": alias,
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "InvokedViaFunctionUrl": True,
        },
    }


def test_a_public_url_cannot_use_up_the_accounts_concurrency(source: Mapping[str, Any]) -> None:
    """Anybody may call it, signed or not; where Lambda checks, nothing is set aside."""
    for options, reserved in ((REQUIRED, None), (SIGNED, 50), ({**SIGNED, "HttpConcurrency": 7}, 7)):
        function = properties(deploy(source, options), "HttpEndpoint")
        assert function.get("ReservedConcurrentExecutions") == reserved


def test_the_apps_whose_callbacks_are_taken_reach_the_function(source: Mapping[str, Any]) -> None:
    """As the setting has them; none is all."""
    for given, taken in (({}, ()), ({"RtcAppIds": "one,two"}, ("one", "two"))):
        variables = properties(deploy(source, {**SIGNED, **given}), "HttpEndpoint")["Environment"]["Variables"]
        only = {name: str(value) for name, value in variables.items()}
        assert Settings.from_env({**only, "LEDGER_URL": "rediss://ledger:6379/0"}).rtc_app_ids == taken


def test_the_settings_take_a_public_urls_variables(source: Mapping[str, Any]) -> None:
    """The mode by its variable; each secret by the variable that names it, of http_endpoint alone."""
    stack = deploy(source, SIGNED)
    modes, named = {}, {}
    for function in ("QueueWorker", "HttpEndpoint", "BusListener"):
        variables = {key: str(value) for key, value in properties(stack, function)["Environment"]["Variables"].items()}
        modes[function] = Settings.from_env({**variables, "LEDGER_URL": "rediss://ledger:6379/0"}).http_auth
        named[function] = sorted(STANDS_FOR.keys() & variables.keys())
    shared = ["CREDENTIALS_SECRET_ARN"]
    assert modes == {"QueueWorker": HttpAuth.IAM, "HttpEndpoint": HttpAuth.SIGNATURE, "BusListener": HttpAuth.IAM}
    assert named == {
        "QueueWorker": shared,
        "HttpEndpoint": [
            *shared,
            "OPERATOR_TOKENS_ARN",
            "RTC_CALLBACK_SECRETS_ARN",
            "WEBHOOK_SECRETS_ARN",
            "WEBHOOK_TOKENS_ARN",
        ],
        "BusListener": shared,
    }


def test_the_modes_of_the_template_are_those_of_the_settings(source: Mapping[str, Any]) -> None:
    """There is none without authentication."""
    assert source["Parameters"]["HttpAuth"]["AllowedValues"] == list(HttpAuth)


def test_only_the_http_endpoint_may_read_the_secrets_of_signatures(source: Mapping[str, Any]) -> None:
    """Those that are given, whoever checks the callers; the other functions neither name nor read them."""
    for options in (WEBHOOK_SECRETS, WEBHOOK_TOKENS, OPERATOR_TOKENS, RTC_CALLBACK_SECRETS, PUBLIC_URL):
        stack = deploy(source, {**REQUIRED, **options})
        given = [arn for name, arn in options.items() if name.endswith("Arn")]
        for function, more in (("QueueWorker", []), ("HttpEndpoint", given), ("BusListener", [])):
            statements = properties(stack, f"{function}Role")["Policies"][0]["PolicyDocument"]["Statement"]
            [read] = [each for each in statements if each["Action"] == "secretsmanager:GetSecretValue"]
            assert read["Resource"] == [REQUIRED["CredentialsSecretArn"], *more]
            variables = properties(stack, function)["Environment"]["Variables"]
            names = ("WEBHOOK_SECRETS_ARN", "WEBHOOK_TOKENS_ARN", "OPERATOR_TOKENS_ARN", "RTC_CALLBACK_SECRETS_ARN")
            assert [variables[name] for name in names if name in variables] == more


def refusals(source: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    """What CloudFormation says of a set of parameters before it makes anything."""
    translated = translate(source, options)
    values = {name: options.get(name, declared.get("Default")) for name, declared in translated["Parameters"].items()}
    return [
        assertion["AssertDescription"]
        for rule in translated["Rules"].values()
        if is_true(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not is_true(assertion["Assert"], values)
    ]


def is_true(condition: object, values: Mapping[str, object]) -> bool:
    match condition:
        case {"Fn::Equals": [{"Ref": str(name)}, wanted]}:
            return bool(values[name] == wanted)
        case {"Fn::Not": [inner]}:
            return not is_true(inner, values)
        case {"Fn::Or": [*alternatives]}:
            return any(is_true(alternative, values) for alternative in alternatives)
        case _:
            raise NotImplementedError(f"the template's rules have not needed this yet: {condition}")


def test_a_public_url_without_any_secret_is_not_deployed(source: Mapping[str, Any]) -> None:
    """One of the three is enough, and neither is needed where Lambda checks."""
    assert refusals(source, WITHOUT_SECRETS) == [
        "HttpAuth signature needs WebhookSecretsArn, WebhookTokensArn or RtcCallbackSecretsArn."
    ]
    for options in (
        REQUIRED,
        SIGNED,
        {**WITHOUT_SECRETS, **WEBHOOK_SECRETS},
        {**WITHOUT_SECRETS, **WEBHOOK_TOKENS},
        {**WITHOUT_SECRETS, **RTC_CALLBACK_SECRETS},
    ):
        assert refusals(source, options) == []


def test_half_of_a_provider_and_two_ledgers_are_not_deployed(source: Mapping[str, Any]) -> None:
    """CloudFormation says what is missing, or too much."""
    assert refusals(source, {**REQUIRED, "RtcProvider": "custom", "RtcRegion": "eu-1"}) == [
        "RtcProvider custom needs RtcEndpoint.",
        "RtcProvider custom needs RtcApiVersion.",
    ]
    assert refusals(source, {**REQUIRED, **OWN_STORE, **SHARED_LEDGER}) == [
        "Set LedgerUrl or LedgerUrlSecretArn, not both."
    ]
    for options in (CUSTOM_PROVIDER, BYTEPLUS, OWN_STORE, SHARED_LEDGER):
        assert refusals(source, {**REQUIRED, **options}) == []
