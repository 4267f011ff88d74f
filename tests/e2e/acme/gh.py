#!/usr/bin/env python3
# `gh`, as far as the list of `init` uses it. What the fake GitHub has no route for is kept in the folder GH_STORE.
import json
import os
import sys
import urllib.request

store, repository = os.environ["GH_STORE"], os.environ["GH_REPOSITORY"]
words = sys.argv[1:]

if words[1] == "set":
    kind, _, name, *rest = words
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    assert options.pop("--repo") == repository
    environment = options.pop("--env", "")
    value = options.pop("--body", None) or sys.stdin.read()
    assert value and not options, options
    with open(f"{store}/{kind} {name} {environment}".rstrip(), "w") as file:
        file.write(value)
    sys.exit()

assert words.pop(0) == "api"
method, body, key, path = "GET", None, None, None
while words:
    match words.pop(0):
        case "-X":
            method = words.pop(0)
        case "--jq":
            key = words.pop(0).removeprefix(".")
        case "--input":
            assert words.pop(0) == "-"
            body = json.load(sys.stdin)
        case "-f" | "-F" as flag:
            name, value = words.pop(0).split("=", 1)
            body = {**(body or {}), name: value if flag == "-f" else json.loads(value)}
        case word:
            path = word
if path.endswith(("/rulesets", "/actions/permissions/workflow")):
    with open(f"{store}/settings", "a") as file:
        print(method, path, json.dumps(body), file=file)
    sys.exit()
data = None if body is None else json.dumps(body).encode()
headers = {"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Content-Type": "application/json"}
request = urllib.request.Request(f"{os.environ['GH_API']}/{path}", data, headers, method=method)
with urllib.request.urlopen(request, timeout=30) as response:
    answer = json.load(response)
print(answer[key] if key else json.dumps(answer))
