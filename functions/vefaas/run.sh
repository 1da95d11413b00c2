#!/bin/sh
# What veFaaS starts; the package has the dependencies for its Python beside the code.
cd "$(dirname "$0")" || exit 1
export PYTHONPATH="$PWD/functions:$PWD/python"
export POLICY_PATH="${POLICY_PATH:-$PWD/policy.yaml}"
exec python3 -m vefaas
