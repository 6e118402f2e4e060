"""Label and field selectors of a query."""

import re

from .refusal import NotModelled

# Commas outside parentheses.
COMMA = re.compile(r",(?![^(]*\))")
SET = re.compile(r"([^\s!=,]+)\s+(in|notin)\s+\(([^)]*)\)")
EQUALITY = re.compile(r"([^\s!=,]+)\s*(==|=|!=)\s*([^\s!=,]*)")
EXISTENCE = re.compile(r"(!?)([^\s!=,()]+)")


def label_selector(text):
    """A predicate of an object's labels."""
    terms = [_label_term(term.strip()) for term in COMMA.split(text)] if text else []
    return lambda labels: all(term(labels) for term in terms)


def _label_term(term):
    if match := SET.fullmatch(term):
        key, operator, values = match.groups()
        values = {value.strip() for value in values.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := EQUALITY.fullmatch(term):
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := EXISTENCE.fullmatch(term):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise NotModelled(f"the label selector {term!r}")


def field_selector(text):
    """A predicate of an object's metadata. It supports only the fields name and namespace."""
    wanted = {}
    for term in text.split(",") if text else []:
        match = re.fullmatch(r"metadata\.(name|namespace)==?([^=]*)", term)
        if not match:
            raise NotModelled(f"the field selector {term!r}")
        wanted[match[1]] = match[2]
    return lambda metadata: all(metadata.get(field) == value for field, value in wanted.items())
