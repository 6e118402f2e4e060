"""The contents of a PostgreSQL server, which are kept when its pod ends."""

from dataclasses import dataclass, field


class Waiting(Exception):
    """The operation is not possible yet, and is retried after the next change."""


class Failed(Exception):
    """A program ended with an error."""


@dataclass
class Database:
    name: str
    # Each role's password.
    roles: dict
    # The roles that may change the schema.
    owners: set = field(default_factory=set)
    # The other roles that `migrate` was told to let use the tables.
    granted: set = field(default_factory=set)
    # The version of the last migration that was applied.
    schema: str = ""

    def log_in(self, user, password, name):
        if name != self.name:
            raise Waiting(f'database "{name}" does not exist')
        if self.roles.get(user) != password:
            raise Waiting(f'password authentication failed for user "{user}"')
