"""A PostgreSQL outside the release, in another namespace, with a role that owns the tables and one that uses them."""

from namespace import PATIENCE
from gates import IMAGE, RESTRICTED


class ExternalDatabase:
    APP = {"username": "app", "password": "secret"}
    OWNER = {"username": "owner", "password": "other secret"}

    def __init__(self, namespace, users):
        # Where it is, and the namespace that uses it.
        self.namespace = namespace
        self.users = users
        self.values = {
            "database": {
                "mode": "external",
                "existingSecret": "rollcall-db",
                "external": {"host": f"database.{namespace.name}.svc", "sslmode": "disable"},
            }
        }
        namespace.apply(POD, SERVICE)
        namespace.kubectl("wait", "--for", "condition=Ready", "pod/database", "--timeout", f"{PATIENCE}s")
        for role in (self.APP, self.OWNER):
            self.sql(f"CREATE ROLE {role['username']} LOGIN PASSWORD '{role['password']}'")
        self.sql("ALTER DATABASE rollcall OWNER TO owner")

    def sql(self, statement):
        """The lines of a statement's result."""
        return self.namespace.sql(statement, server="pod/database")

    def add_secret(self, name, contents):
        metadata = {"name": name}
        self.users.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": contents})


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "database", "labels": {"app": "database"}},
    "spec": {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 999,
            "fsGroup": 999,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "postgres",
                "image": IMAGE,
                "env": [
                    {"name": "POSTGRES_DB", "value": "rollcall"},
                    {"name": "POSTGRES_USER", "value": "postgres"},
                    {"name": "POSTGRES_PASSWORD", "value": "a third secret"},
                    {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
                ],
                # Over TCP: the temporary server that initialises the volume listens only on a socket.
                "readinessProbe": {"exec": {"command": ["pg_isready", "--host=127.0.0.1"]}, "periodSeconds": 1},
                "securityContext": RESTRICTED,
                "volumeMounts": [
                    {"name": "data", "mountPath": "/var/lib/postgresql/data"},
                    {"name": "socket", "mountPath": "/var/run/postgresql"},
                    {"name": "tmp", "mountPath": "/tmp"},
                ],
            }
        ],
        "volumes": [{"name": name, "emptyDir": {}} for name in ("data", "socket", "tmp")],
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "database"},
    "spec": {"selector": {"app": "database"}, "ports": [{"port": 5432}]},
}
