"""Checks recorded exchanges against GitHub's description of its API.

    judge.py DESCRIPTION EXCHANGES

DESCRIPTION is `api.github.com.json` of npm's @octokit/openapi, EXCHANGES the file that `openapi.rs` writes. Prints one
finding a line, then a summary. Exits with 1 if there is a finding.

An exchange states whether the description allows its request: `valid`, `invalid` (the schemas do not allow it) or
`invalid-by-prose` (the schemas allow it, but the text of the description does not). Any other result is a finding.

The check is stricter than the description in one way: objects in requests and responses may have described fields only.
`correct` and `nullable` fix imprecise parts of the description.
"""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

# Statuses that GitHub documents for the whole API, but its description only for some routes. Their body is `basic-error`.
EVERYWHERE = {400, 401, 403, 404, 415, 422}


def main(description, exchanges):
    with open(description, encoding="utf-8") as file:
        whole = json.load(file)
    with open(exchanges, encoding="utf-8") as file:
        exchanges = json.load(file)
    routes = {(one["method"].lower(), one["route"]) for one in exchanges}
    missing = [route for route in sorted(routes) if route[0] not in whole["paths"].get(route[1], {})]
    for method, path in missing:
        print(f"{method.upper()} {path}: no such route in the description")
    if missing:
        return 1

    cut = part(whole, routes)
    described = {key: set(operation(cut, *key)["responses"]) for key in routes}
    correct(cut)
    nullable(cut)
    tighten(cut, cut)
    formats = {"uri": is_uri, "email": lambda text: "@" in text}
    judge = OpenAPI.from_dict(cut, config=Config(extra_format_validators=formats))

    findings = 0
    undescribed = set()
    for number, exchange in enumerate(exchanges):
        key = exchange["method"].lower(), exchange["route"]
        status = exchange["answer"]["status"]
        if str(status) not in described[key]:
            undescribed.add((key, status))
        for finding in findings_of(judge, cut, exchange):
            findings += 1
            print(f"{number} {exchange['method']} {exchange['url']} {status}: {finding}")
    for status in sorted({status for _, status in undescribed}):
        count = sum(1 for _, other in undescribed if other == status)
        print(f"not described on {count} of these routes, checked as basic-error: {status}")
    print(f"judged: {len(exchanges)} exchanges on {len(routes)} routes, {findings} findings")
    return 1 if findings else 0


def findings_of(judge, cut, exchange):
    """Yields the findings of an exchange."""
    url = urlsplit(exchange["url"])
    query = parse_qsl(url.query, keep_blank_values=True)
    sent = exchange["body"]
    request = MockRequest(
        "https://api.github.com",
        exchange["method"].lower(),
        url.path,
        args=dict(query),
        data=None if sent is None else json.dumps(sent).encode(),
        content_type="application/json",
    )
    key = exchange["method"].lower(), exchange["route"]
    violations = list(wrong_query(cut, key, query)) + list(errors(lambda: judge.validate_request(request)))
    if exchange["request"] == "invalid" and not violations:
        yield "the description allows the request, but it was refused"
    elif exchange["request"] != "invalid":
        yield from (f"request: {error}" for error in violations)

    answer = exchange["answer"]
    body = answer["body"]
    headers = dict(answer["headers"])
    response = MockResponse(
        b"" if body is None else json.dumps(body).encode(),
        answer["status"],
        headers=headers,
        content_type=headers.get("content-type", ""),
    )
    if body is not None and not content(cut, key, answer["status"]):
        yield "response: a body, but the description has none"
    yield from (f"response: {error}" for error in errors(lambda: judge.validate_response(request, response)))


def errors(check):
    """Yields the innermost errors of a check."""
    try:
        check()
    except OpenAPIError as error:
        schema = getattr(error, "schema_errors", None) or getattr(error.__cause__, "schema_errors", None)
        if not schema:
            yield " ".join(str(part) for part in (error, error.__cause__) if part)
        for one in schema or ():
            while one.context:
                one = min(one.context, key=lambda inner: len(inner.absolute_path) == 0)
            path = "/".join(map(str, one.absolute_path))
            yield f"{path or 'the whole body'}: {one.message[:300]}"


def wrong_query(cut, key, query):
    parameters = operation(cut, *key).get("parameters", [])
    parameters = [resolved(cut, parameter) for parameter in parameters]
    known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    yield from (f"query {name} is not described" for name, _ in query if name not in known)


def content(cut, key, status):
    """The described body. An undescribed status is not a finding here."""
    described = operation(cut, *key)["responses"].get(str(status))
    return described is None or resolved(cut, described).get("content")


def operation(description, method, path):
    return description["paths"][path][method]


def part(whole, routes):
    """The part of the description with these routes, and everything they refer to."""
    paths = {}
    for method, path in routes:
        paths.setdefault(path, {})[method] = whole["paths"][path][method]
    cut = {name: whole[name] for name in ("openapi", "info", "servers")} | {"paths": paths, "components": {}}
    left = [paths]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(value.values())
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/components/"):
                kind, name = reference.split("/")[2:]
                components = cut["components"].setdefault(kind, {})
                if name not in components and kind != "examples":
                    components[name] = whole["components"][kind][name]
                    left.append(components[name])
        elif isinstance(value, list):
            left.extend(value)
    cut["components"].setdefault("schemas", {})["basic-error"] = whole["components"]["schemas"]["basic-error"]
    return cut


def correct(cut):
    """Corrects the description where GitHub's documentation differs, and in one place where GitHub itself does."""
    # The only exception from the description: GitHub takes this field in a request and returns it, and describes neither.
    bypass = {"can_admins_bypass": {"type": "boolean"}}
    if "environment" in cut["components"]["schemas"]:
        cut["components"]["schemas"]["environment"]["properties"].update(bypass)
    environment = cut["paths"].get("/repos/{owner}/{repo}/environments/{environment_name}", {})
    if "put" in environment:
        body = environment["put"]["requestBody"]["content"]["application/json"]["schema"]
        body["properties"].update(bypass)
    # A folder's contents are a list, which has no field to tell it from a file.
    contents = cut["paths"].get("/repos/{owner}/{repo}/contents/{path}", {})
    if "get" in contents:
        del contents["get"]["responses"]["200"]["content"]["application/json"]["schema"]["discriminator"]
    for methods in cut["paths"].values():
        for method in methods.values():
            # `created` takes a search (`>=2026-01-01T00:00:00Z`), as its description text says.
            for entry in method.get("parameters", []):
                parameter = resolved(cut, entry)
                if parameter["name"] == "created":
                    parameter["schema"].pop("format", None)
            # Of the kinds of an error, a simple one is of each: none of them requires a field.
            for response in map(lambda entry: resolved(cut, entry), method["responses"].values()):
                schema = response.get("content", {}).get("application/json", {}).get("schema", {})
                choices = [reference.get("$ref", "") for reference in schema.get("oneOf", [])]
                if any(choice.endswith("/basic-error") for choice in choices):
                    schema["anyOf"] = schema.pop("oneOf")
            # Every route can answer with these errors.
            for status in EVERYWHERE:
                error = {"application/json": {"schema": {"$ref": "#/components/schemas/basic-error"}}}
                fallback = {"description": "an error", "content": error}
                response = method["responses"].setdefault(str(status), fallback)
                if "content" not in resolved(cut, response):
                    method["responses"][str(status)] = fallback


def nullable(value):
    """Makes `nullable` allow null everywhere; in OpenAPI 3.0.3 it applies only next to a `type`, and to values of an `enum`."""
    if isinstance(value, dict):
        if value.get("nullable") is True:
            if None not in value.get("enum", [None]):
                value["enum"].append(None)
            for choice in ("oneOf", "anyOf"):
                if choice in value and "type" not in value:
                    value[choice].append({"type": "object", "nullable": True, "enum": [None]})
        for one in value.values():
            nullable(one)
    elif isinstance(value, list):
        for one in value:
            nullable(one)


def tighten(cut, value):
    """Forbids fields that an object's schema does not name."""
    if isinstance(value, dict):
        if isinstance(value.get("allOf"), list):
            # Each part would forbid the fields of the others, so they become one object.
            parts = [resolved(cut, part) for part in value.pop("allOf")]
            value["type"] = "object"
            value["properties"] = {name: one for part in parts for name, one in part["properties"].items()}
            value["required"] = [name for part in parts for name in part.get("required", [])]
        if isinstance(value.get("properties"), dict):
            value.setdefault("additionalProperties", False)
        for one in value.values():
            tighten(cut, one)
    elif isinstance(value, list):
        for one in value:
            tighten(cut, one)


def resolved(cut, value):
    while "$ref" in value:
        kind, name = value["$ref"].split("/")[2:]
        value = cut["components"][kind][name]
    return value


def is_uri(text):
    parts = urlsplit(text)
    return bool(parts.scheme and parts.netloc) and " " not in text


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
