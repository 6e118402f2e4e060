#!/usr/bin/env python3
"""next_release.py works|fails BINARY RESULT: makes the release after the given one, with one more migration.

The last migration in the binary gets a later version, so that it is not yet applied in any database. Its statements
become a comment after another, which works, or fails because its table exists. Nothing is compiled: all texts keep their
length.
"""

import pathlib
import sys

MIGRATIONS = pathlib.Path(__file__).resolve().parents[2] / "migrations" / "postgres"
VERSION = "29991231000000"


def replace(binary, old, new):
    assert len(old) == len(new)
    if old not in binary:
        sys.exit(f"next_release.py: the binary does not contain {old[:60]!r}: it belongs to another commit")
    return binary.replace(old, new)


def next_release(binary, works):
    last = max(MIGRATIONS.iterdir())
    version = last.name.partition("_")[0]
    binary = replace(binary, last.name.encode(), last.name.replace(version, VERSION).encode())
    statements = (last / "up.sql").read_bytes()
    start = b"SELECT 1 /*" if works else b"CREATE TABLE attendance () /*"
    return replace(binary, statements, start + statements[len(start) : -2] + b"*/")


def main():
    kind, source, result = sys.argv[1:]
    assert kind in ("works", "fails")
    result = pathlib.Path(result)
    result.write_bytes(next_release(pathlib.Path(source).read_bytes(), works=kind == "works"))
    result.chmod(0o755)


if __name__ == "__main__":
    main()
