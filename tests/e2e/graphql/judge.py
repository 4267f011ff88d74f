"""Checks the queries of the program, and the answers of the fake GitHub, against GitHub's GraphQL schema.

    judge.py SCHEMA EXCHANGES

SCHEMA is `schema.graphql` of npm's @octokit/graphql-schema, EXCHANGES the file that `graphql.rs` writes: queries by name, and
recorded answers. Prints one finding a line, then a summary. Exits with 1 if there is a finding.

A query must be valid, use nothing deprecated, and have the variables that the program sends. An answer must have exactly the
fields that its query selects, with values of their types.
"""

import json
import sys

from graphql import (
    FieldNode,
    GraphQLError,
    InlineFragmentNode,
    NoDeprecatedCustomRule,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values

SCALARS = {"Int": int, "Float": (int, float), "Boolean": bool}
TYPENAME = "__typename"


def main(schema, exchanges):
    with open(schema, encoding="utf-8") as file:
        # The published schema defines a field of `EnterpriseOwnerInfo` twice.
        schema = build_schema(file.read(), assume_valid_sdl=True)
    with open(exchanges, encoding="utf-8") as file:
        recorded = json.load(file)
    findings, operations = [], {}
    for name, document in recorded["queries"].items():
        try:
            parsed = parse(document)
        except GraphQLError as error:
            findings.append(f"{name}: {error.message}")
            continue
        errors = validate(schema, parsed, [*specified_rules, NoDeprecatedCustomRule])
        findings.extend(f"{name}: {error.message}" for error in errors)
        operations[name] = parsed.definitions[0]
        if [definition.name.value for definition in parsed.definitions] != [name]:
            findings.append(f"{name}: the document's operation has another name")
    for number, exchange in enumerate(recorded["exchanges"]):
        operation = operations.get(exchange["name"])
        if operation is None:
            findings.append(f"{number} {exchange['name']}: no such query")
            continue
        values = get_variable_values(schema, operation.variable_definitions, exchange["variables"])
        found = [error.message for error in values] if isinstance(values, list) else []
        known = {definition.variable.name.value for definition in operation.variable_definitions}
        found += [f"${name} is no variable" for name in set(exchange["variables"]) ^ known]
        found += differences(schema, schema.query_type, operation.selection_set, exchange["data"], "data")
        findings.extend(f"{number} {exchange['name']}: {finding}" for finding in found)
    for finding in findings:
        print(finding)
    count = len(recorded["exchanges"])
    print(f"judged: {len(recorded['queries'])} queries and {count} answers, {len(findings)} findings")
    return 1 if findings else 0


def differences(schema, kind, selection, value, path):
    """How an object differs from what its query selects."""
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object"]
    # An object that matches no fragment is empty.
    wanted = fields(schema, kind, selection, value)
    found = [f"{path}: {name!r} was not selected" for name in value if name not in wanted]
    for name, (field, selected) in wanted.items():
        if name not in value:
            found.append(f"{path}: {name!r} is missing")
        elif name == TYPENAME:
            found += [] if value[name] in schema.type_map else [f"{path}: there is no type {value[name]!r}"]
        else:
            found += of_type(schema, field.type, selected, value[name], f"{path}.{name}")
    return found


def fields(schema, kind, selection, value):
    """The selected fields by name, with their definition and selection."""
    wanted = {}
    for node in selection.selections:
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition.name.value
            # Where the query asks for the type, a fragment about another one selects nothing.
            if value.get(TYPENAME, condition) != condition:
                continue
            wanted |= fields(schema, schema.type_map[node.type_condition.name.value], node.selection_set, value)
        elif isinstance(node, FieldNode):
            name = node.name.value
            wanted[name] = (None if name == TYPENAME else kind.fields[name], node.selection_set)
    return wanted


def of_type(schema, kind, selection, value, path):
    if value is None:
        return [f"{path}: null, which GitHub's schema excludes"] if is_non_null_type(kind) else []
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        items = enumerate(value)
        return [one for at, item in items for one in of_type(schema, kind.of_type, selection, item, f"{path}[{at}]")]
    named = get_named_type(kind)
    if is_composite_type(named):
        return differences(schema, named, selection, value, path)
    if is_enum_type(named):
        return [] if value in named.values else [f"{path}: {value!r} is no {named.name}"]
    expected = SCALARS.get(named.name, str)
    is_right = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
    return [] if is_right else [f"{path}: {value!r} is no {named.name}"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
