#!/usr/bin/env python3
"""Generates the table of values in the chart's README from the comments in its values.yaml."""

import json
import pathlib

import yaml

CHART = pathlib.Path(__file__).resolve().parents[2] / "helm" / "rollcall"
README = CHART / "README.md"
BEGIN = "<!-- Generated from values.yaml by `make chart-docs`. -->\n"
END = "<!-- End of the generated table. -->\n"


def rows(text):
    """The path, default and comment of each value.

    A comment directly above a key documents the whole value. A key without a comment must be a mapping whose keys have
    comments.
    """
    lines = text.splitlines()

    def comment_above(line):
        first = line
        while first > 0 and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        return " ".join(text.strip().removeprefix("#").strip() for text in lines[first:line])

    def below(path, node):
        for key, value in node.value:
            here = [*path, key.value]
            comment = comment_above(key.start_mark.line)
            if comment:
                yield ".".join(here), yaml.safe_load(yaml.serialize(value)), comment
            elif isinstance(value, yaml.MappingNode) and value.value:
                yield from below(here, value)
            else:
                raise ValueError(f"values.yaml: {'.'.join(here)} has no comment")

    return list(below([], yaml.compose(text)))


def table(text):
    head = "| Value | Default | |\n| --- | --- | --- |\n"
    escaped = ((path, json.dumps(default), comment.replace("|", "\\|")) for path, default, comment in rows(text))
    return head + "".join(f"| `{path}` | `{default}` | {comment} |\n" for path, default, comment in escaped)


def readme():
    """The README with a current table."""
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + table((CHART / "values.yaml").read_text()) + "\n" + END + after


if __name__ == "__main__":
    README.write_text(readme())
