"""The containers' programs: a release of the service, and PostgreSQL."""

import urllib.parse
from dataclasses import dataclass, field

from .database import Database, Failed, Waiting

# The variables of the Dockerfile.
DEFAULTS = {"DATABASE_HOSTNAME": "myapp-database", "ROCKET_ADDRESS": "0.0.0.0"}


@dataclass
class Rollcall:
    """An image of the service. Its commands wait as the real ones do, but without a timeout."""

    # The version of its last migration.
    migration: str
    # An error with which `migrate` ends instead of migrating.
    defect: str = ""
    # Whether it has tokens. Releases before 0.2.0 ignore ROLLCALL_ACCESS.
    tokens: bool = True

    def run(self, cluster, pod, container, env):
        entrypoint, *arguments = [*container.get("command", ["/rollcall"]), *container.get("args", [])]
        if entrypoint != "/rollcall":
            raise Failed(f'exec: "{entrypoint}": no such file or directory')
        command = arguments[0] if arguments else "serve"
        server = Server(self, cluster, pod["metadata"]["namespace"], DEFAULTS | env)
        if command == "serve":
            if self.tokens and server.env.get("ROLLCALL_ACCESS") not in ("open", "token"):
                raise Failed("ROLLCALL_ACCESS is not set, and 0.0.0.0 is not a loopback address")
            return server
        if command == "migrate":
            self._migrate(cluster, *server.log_in(), server.env.get("DATABASE_APP_ROLE"))
        elif command == "wait-for-schema":
            server.check_schema()
        elif command == "erase":
            self._erase(cluster, *server.log_in(), arguments[1:])
        elif command == "healthcheck":
            self._check_health(cluster, pod["metadata"]["namespace"], arguments[1:])
        else:
            raise Failed(f"error: unrecognized subcommand '{command}'")
        return None

    def _check_health(self, cluster, namespace, arguments):
        try:
            option, address = arguments
        except ValueError:
            raise Failed("nothing listens in this pod; give --url") from None
        url = urllib.parse.urlsplit(address)
        if (option, url.scheme) != ("--url", "http"):
            raise Failed(f"error: unexpected argument '{option}' or value '{address}'")
        try:
            server, port = cluster.connect(namespace, url.hostname, url.port or 80)
            server.get(port, url.path)
        # `healthcheck` does not wait.
        except Waiting as why:
            raise Failed(str(why)) from None

    def _erase(self, cluster, database, user, arguments):
        if arguments[:1] != ["--older-than"] or len(arguments) != 2:
            raise Failed(f"error: unexpected arguments {arguments}")
        if user not in database.owners:
            raise Failed("permission denied for table attendance")
        cluster.note(f"entries erased: 0, older than {arguments[1]} days, of {database.name}")

    def _migrate(self, cluster, database, user, app_role):
        if app_role and app_role not in database.roles:
            # The real command fails, and the Job runs it again after a pause. The model has no pauses.
            raise Waiting(f"there is no role {app_role}")
        if app_role in database.owners:
            raise Failed(f"the role {app_role} may do all that the owner of the tables may")
        if app_role and user in database.owners:
            database.granted.add(app_role)
        if database.schema >= self.migration:
            cluster.note(f"found {database.name} at {database.schema}")
            return
        if self.defect:
            raise Failed(self.defect)
        if user not in database.owners:
            raise Failed("permission denied for schema public")
        database.schema = self.migration
        cluster.note(f"migrated {database.name} to {database.schema}")


@dataclass
class Server:
    """`rollcall serve` in a pod."""

    release: Rollcall
    cluster: object
    namespace: str
    env: dict

    def log_in(self):
        host, port = self.env["DATABASE_HOSTNAME"], int(self.env.get("DATABASE_PORT", 5432))
        user = self.env.get("DATABASE_USER", "postgres")
        served, _ = self.cluster.connect(self.namespace, host, port)
        database = served.database
        database.log_in(user, self.env.get("DATABASE_PASSWORD", "postgres"), self.env.get("DATABASE_NAME", "myapp_db"))
        return database, user

    def check_schema(self):
        database, user = self.log_in()
        if database.schema < self.release.migration:
            raise Waiting(f"the schema is at {database.schema or 'nothing'}, not yet at {self.release.migration}")
        if user not in database.owners | database.granted:
            raise Waiting("permission denied for table attendance")

    def get(self, port, path):
        """Answers a probe, or raises the reason why it cannot."""
        if self.env["ROCKET_ADDRESS"] != "0.0.0.0" or port != int(self.env.get("ROCKET_PORT", 8000)):
            raise Waiting(f"connection refused at port {port}")
        if path == "/readyz":
            self.check_schema()
        elif path != "/livez":
            raise Waiting(f"{path} answers 404")


@dataclass
class Postgres:
    """PostgreSQL's official image. On an initialised volume it ignores the variables of role and database."""

    # By volume.
    databases: dict = field(default_factory=dict)

    def run(self, cluster, pod, container, env):
        volume = _data_volume(cluster, pod, container)
        if volume not in self.databases:
            if not env.get("POSTGRES_PASSWORD"):
                raise Failed("Database is uninitialized and superuser password is not specified.")
            user = env.get("POSTGRES_USER", "postgres")
            self.databases[volume] = Database(
                env.get("POSTGRES_DB", user), roles={user: env["POSTGRES_PASSWORD"]}, owners={user}
            )
            cluster.note(f"initialised {self.databases[volume].name}")
        return Served(self.databases[volume])


@dataclass
class Served:
    """A running PostgreSQL, inside or outside the cluster."""

    database: Database

    def execute(self, command):
        if command[0] != "pg_isready":
            raise Waiting(f"{command[0]}: no such file or directory")


def _data_volume(cluster, pod, container):
    """The id of the data folder's volume claim, or of the pod."""
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    for mount in container.get("volumeMounts", []):
        if mount["mountPath"] == "/var/lib/postgresql/data" and mount["name"] in claims:
            return cluster.volume(pod["metadata"]["namespace"], claims[mount["name"]])
    return pod["metadata"]["uid"]
