"""Mistakes to plant in who gets in by the function URL: place, value, what is found then."""

from typing import Final

from tests.template.operations_planted import REMOVED

IN_URL: Final[tuple[tuple[str, object, str], ...]] = (
    (
        "Resources/HttpEndpoint/Properties/FunctionUrlConfig/AuthType",
        "NONE",
        "HttpEndpointUrl: AuthType is NONE and HTTP_AUTH is iam, so nobody checks the caller",
    ),
    (
        "Resources/HttpEndpoint/Properties/Environment/Variables/HTTP_AUTH",
        REMOVED,
        "HttpEndpointUrl: AuthType is NONE and HTTP_AUTH is None, so nobody checks the caller",
    ),
    (
        "Resources/HttpEndpoint/Properties/FunctionUrlConfig/AuthType",
        "AWS_IAM",
        "HttpEndpointUrl: AuthType is AWS_IAM and HTTP_AUTH is signature, so a webhook does not get in",
    ),
    (
        "Resources/HttpEndpoint/Properties/Environment/Variables/HTTP_AUTH",
        "signature",
        "HttpEndpointUrl: AuthType is AWS_IAM and HTTP_AUTH is signature, so a webhook does not get in",
    ),
    (
        "Resources/HttpEndpointPublicUrlPermission",
        REMOVED,
        "HttpEndpointUrl: is public, but nobody is permitted lambda:InvokeFunctionUrl",
    ),
    (
        # On the function and not on its alias it would let nobody in.
        "Resources/HttpEndpointPublicInvokePermission/Properties/FunctionName",
        {"Ref": "HttpEndpoint"},
        "HttpEndpointUrl: is public, but nobody is permitted lambda:InvokeFunction",
    ),
    (
        "Resources/HttpEndpointPublicInvokePermission/Properties/InvokedViaFunctionUrl",
        REMOVED,
        "HttpEndpointPublicInvokePermission: anybody may invoke the function",
    ),
    (
        "Resources/HttpEndpointPublicUrlPermission/Condition",
        REMOVED,
        "HttpEndpointPublicUrlPermission: anybody may invoke the function",
    ),
    (
        "Resources/HttpEndpoint/Properties/FunctionUrlConfig/AuthType",
        "NONE",
        "HttpEndpointUrlPublicPermissions: anybody may invoke the function",
    ),
    (
        "Resources/HttpEndpointRole/Properties/Policies/0/PolicyDocument/Statement/1/Resource/3",
        {"Ref": "WebhookSecretsArn"},
        "HttpEndpoint: may not read just those secrets that its variables name",
    ),
)
