"""A check of its own for schemathesis: a problem has one of the codes that its answer is documented with."""

import schemathesis


@schemathesis.check
def documented_code(_, response, case):
    if response.headers.get("content-type") != ["application/problem+json"]:
        return
    answers = case.operation.definition.raw["responses"]
    documented = answers.get(str(response.status_code), {}).get("x-codes", [])
    code = response.json()["code"]
    # 404 and 405 of unknown paths and methods belong to no route.
    if code not in documented and code not in ("not_found", "method_not_allowed"):
        raise AssertionError(f"The code {code} is not documented for {response.status_code}.")
