"""Who gets in by the function URL, and whether somebody checks them; every finding is one sentence."""

from collections.abc import Iterator

from tests.template.cloudformation import Stack, find_function

PUBLIC_URL_GRANTS = (
    {"Principal": "*", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
    {"Principal": "*", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
)
"""What Lambda wants of a public URL; the second one is for its URL alone.
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""


def open_endpoints(stack: Stack) -> Iterator[str]:
    """Of Lambda and the function exactly one checks who comes in by the URL, and there is no other open way in."""
    open_to_all = {
        name: permission
        for name, permission in stack.find_all("AWS::Lambda::Permission").items()
        if permission["Principal"] == "*"
    }
    expected: set[str] = set()
    for name, url in stack.find_all("AWS::Lambda::Url").items():
        target = url["TargetFunctionArn"]
        auth_type = url["AuthType"]
        auth = find_function(stack, target).get("Environment", {}).get("Variables", {}).get("HTTP_AUTH")
        if auth_type == "NONE" and auth != "signature":
            yield f"{name}: AuthType is NONE and HTTP_AUTH is {auth}, so nobody checks the caller"
        if auth_type != "NONE" and auth == "signature":
            yield f"{name}: AuthType is {auth_type} and HTTP_AUTH is signature, so a webhook does not get in"
        if (auth_type, auth) == ("NONE", "signature"):
            for grant in PUBLIC_URL_GRANTS:
                granted = [each for each, given in open_to_all.items() if given == {**grant, "FunctionName": target}]
                expected.update(granted)
                if not granted:
                    yield f"{name}: is public, but nobody is permitted {grant['Action']}"
    for name in sorted(open_to_all.keys() - expected):
        yield f"{name}: anybody may invoke the function"
