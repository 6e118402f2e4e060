"""The rendered objects, part by part."""

import base64
import json
import shutil

from conftest import CHART, only
from scenarios import BUNDLED, CANARY, CNPG, EXTERNAL, MESH, MONITOR, POLICIES, RETENTION, ROUTE, SCENARIOS

import pod_security
import pytest
import yaml

MODES = {"bundled": BUNDLED, "external": EXTERNAL, "cnpg": CNPG}
every_mode = pytest.mark.parametrize("values", MODES.values(), ids=MODES)


def spec(objects, kind, name=None):
    """The pod spec of the only object of this kind."""
    return only(objects, kind, name)["spec"]["template"]["spec"]


def environment(container):
    return {
        each["name"]: each.get("value") or "{name}/{key}".format(**each["valueFrom"]["secretKeyRef"])
        for each in container["env"]
    }


# The pods


@every_mode
def test_the_pods_wait_for_the_schema_with_the_image_that_serves(render, values):
    pod = spec(render(values), "Deployment")
    [wait] = pod["initContainers"]
    [serve] = pod["containers"]
    assert wait["args"] == ["wait-for-schema", "--timeout", "600"]
    assert serve["args"] == ["serve"]
    assert wait["image"] == serve["image"]


def test_the_pods_wait_for_the_schema_without_a_job_too(render):
    objects = render(*SCENARIOS["manual migration"])
    assert "Job" not in {each["kind"] for each in objects}
    assert spec(objects, "Deployment")["initContainers"][0]["args"][0] == "wait-for-schema"


def test_only_the_test_pod_is_a_hook(render):
    for values in MODES.values():
        hooks = [each["kind"] for each in render(values) if "helm.sh/hook" in each["metadata"].get("annotations", {})]
        assert hooks == ["Pod"]


def test_the_test_pod_checks_the_service(render):
    test = only(render(EXTERNAL, {"service": {"port": 80}}), "Pod")
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    [container] = test["spec"]["containers"]
    assert container["image"] == spec(render(EXTERNAL), "Deployment")["containers"][0]["image"]
    assert container["args"] == ["healthcheck", "--url", "http://rollcall:80/readyz"]


def test_the_probes_and_their_timeouts(render):
    [serve] = spec(render(EXTERNAL, {"database": {"timeoutSeconds": 20}}), "Deployment")["containers"]
    assert serve["startupProbe"]["httpGet"] == serve["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert serve["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    # /readyz may take as long as the store's timeout.
    assert serve["readinessProbe"]["timeoutSeconds"] > 20
    assert serve["ports"][0] == {"name": "http", "containerPort": 8000}


@pytest.mark.parametrize(("timeout", "grace"), [(5, 30), (15, 30), (60, 75)])
def test_the_grace_period_covers_a_request(render, timeout, grace):
    objects = render(EXTERNAL, {"database": {"timeoutSeconds": timeout}})
    pod = spec(objects, "Deployment")
    assert pod["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    # The preStop pause, the drain of idle connections, the longest time of a request and a second more, and a second each
    # for the writer and the agent.
    assert pod["terminationGracePeriodSeconds"] == grace >= 5 + 2 + timeout + 1 + 2
    strategy = only(objects, "Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_sleep_needs_kubernetes_1_30(helm):
    for version, code in (("1.29.9", 1), ("1.30.0", 0), ("1.31.2-gke.1", 0)):
        done = helm("template", "rollcall", CHART, "--kube-version", version, "--set", "database.password=x")
        assert done.returncode == code, done.stderr


def test_the_pods_prefer_to_spread(render):
    deployment = only(render(EXTERNAL), "Deployment")["spec"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    for each in spread:
        assert each["whenUnsatisfiable"] == "ScheduleAnyway"
        assert each["labelSelector"] == deployment["selector"]


@every_mode
def test_only_volumes_are_writable_and_their_size_is_limited(render, values):
    objects = render(values)
    pods = [spec(objects, "Deployment")]
    if values is BUNDLED:
        pods.append(spec(objects, "StatefulSet"))
    for pod in pods:
        empty = [volume for volume in pod["volumes"] if "emptyDir" in volume]
        assert all(volume["emptyDir"]["sizeLimit"] for volume in empty)
        mounted = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounted["tmp"] == "/tmp"


@every_mode
def test_every_container_has_requests_and_limits(render, values):
    for pod in pod_security.pods(render(values, RETENTION)):
        for container in pod_security.containers(pod["spec"]):
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


# The database


def test_the_database_settings_are_passed_to_the_pods(render):
    objects = render(*SCENARIOS["external, replica"], {"migrations": {"existingSecret": "owner"}})
    database = {
        "DATABASE_HOSTNAME": "db.example.org",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": "rollcall",
        "DATABASE_USER": "rollcall-db/username",
        "DATABASE_PASSWORD": "rollcall-db/password",
        "DATABASE_SSLMODE": "require",
    }
    owner = {
        "DATABASE_USER": "owner/username",
        "DATABASE_PASSWORD": "owner/password",
        "DATABASE_APP_ROLE": "rollcall-db/username",
    }
    pod = spec(objects, "Deployment")
    assert environment(pod["initContainers"][0]) == database
    app_role = {"DATABASE_APP_ROLE": "rollcall-db/username"}
    assert environment(spec(objects, "Job")["containers"][0]) == {**database, **owner, **app_role}
    assert environment(pod["containers"][0]) == {
        **database,
        "DATABASE_READ_HOSTNAME": "replica",
        "DATABASE_READ_PORT": "5433",
        "DATABASE_POOL_SIZE": "10",
        "DATABASE_TIMEOUT_SECONDS": "5",
        "ROLLCALL_ACCESS": "token",
        "ROLLCALL_TIMEZONE": "UTC",
        "ROLLCALL_DAY_START": "00:00",
        "ROLLCALL_METRICS_PORT": "9000",
        "ROLLCALL_LOG": "info",
        "ROLLCALL_LOG_FORMAT": "json",
    }


def test_a_replica_has_the_primarys_port_by_default(render):
    external = {"port": 6432, "readReplica": {"host": "replica"}}
    objects = render(EXTERNAL, {"database": {"external": external}})
    assert environment(spec(objects, "Deployment")["containers"][0])["DATABASE_READ_PORT"] == "6432"


@every_mode
def test_a_single_role_needs_no_grants(render, values):
    assert "DATABASE_APP_ROLE" not in environment(spec(render(values), "Job")["containers"][0])


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_the_certificate_authority_is_mounted(render, kind):
    objects = render(*SCENARIOS[f"authority in a {kind}"])
    pods = [spec(objects, "Deployment"), spec(objects, "Job")]
    for pod in pods:
        [volume] = [each for each in pod["volumes"] if each["name"] == "authority"]
        source = volume["secret"] if kind == "Secret" else volume["configMap"]
        assert "authority" in source.values()
        assert source["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert environment(container)["DATABASE_SSLROOTCERT"] == "/etc/rollcall/database/ca.crt"
            mount = {"name": "authority", "mountPath": "/etc/rollcall/database", "readOnly": True}
            assert mount in container["volumeMounts"]


def test_the_bundled_database_is_a_stateful_set(render):
    objects = render(BUNDLED)
    database = only(objects, "StatefulSet")["spec"]
    [postgres] = database["template"]["spec"]["containers"]
    served = environment(spec(objects, "Deployment")["containers"][0])
    assert served["DATABASE_HOSTNAME"] == database["serviceName"] == "rollcall-database"
    assert served["DATABASE_SSLMODE"] == "disable"
    given = environment(postgres)
    for ours, theirs in (("NAME", "DB"), ("USER", "USER"), ("PASSWORD", "PASSWORD")):
        assert served[f"DATABASE_{ours}"] == given[f"POSTGRES_{theirs}"]
    [claim] = database["volumeClaimTemplates"]
    [mount] = [each for each in postgres["volumeMounts"] if each["name"] == claim["metadata"]["name"]]
    assert given["PGDATA"].startswith(mount["mountPath"] + "/")
    assert only(objects, "Secret")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_cloudnativepg_cluster(render):
    objects = render(*SCENARIOS["cnpg, reads from replicas"])
    cluster = only(objects, "Cluster")
    assert cluster["apiVersion"] == "postgresql.cnpg.io/v1"
    assert cluster["spec"] == {
        "instances": 3,
        "bootstrap": {"initdb": {"database": "rollcall", "owner": "rollcall", "encoding": "UTF8"}},
        "postgresql": {"synchronous": {"method": "any", "number": 1}},
        "affinity": {
            "enablePodAntiAffinity": True,
            "podAntiAffinityType": "preferred",
            "topologyKey": "kubernetes.io/hostname",
        },
        "storage": {"size": "10Gi"},
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    }
    assert "Secret" not in {each["kind"] for each in objects}
    pod = spec(objects, "Deployment")
    served = environment(pod["containers"][0])
    expected = {
        "DATABASE_HOSTNAME": "rollcall-database-rw",
        "DATABASE_READ_HOSTNAME": "rollcall-database-ro",
        "DATABASE_USER": "rollcall-database-app/username",
        "DATABASE_PASSWORD": "rollcall-database-app/password",
        "DATABASE_SSLMODE": "verify-full",
    }
    assert expected.items() <= served.items()
    [authority] = [each["secret"]["secretName"] for each in pod["volumes"] if each["name"] == "authority"]
    assert authority == "rollcall-database-ca"


def test_the_operator_creates_a_role_for_the_service(render):
    objects = render(*SCENARIOS["cnpg, separate service role"])
    [role] = only(objects, "Cluster")["spec"]["managed"]["roles"]
    assert role == {
        "name": "gates",
        "ensure": "present",
        "login": True,
        "passwordSecret": {"name": "rollcall-service"},
    }
    pod = spec(objects, "Deployment")
    for container in (*pod["initContainers"], *pod["containers"]):
        assert environment(container)["DATABASE_USER"] == "rollcall-service/username"
    migrate = environment(spec(objects, "Job")["containers"][0])
    assert migrate["DATABASE_USER"] == "rollcall-database-app/username"
    assert migrate["DATABASE_APP_ROLE"] == "rollcall-service/username"
    retention = only(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert environment(retention)["DATABASE_USER"] == "rollcall-database-app/username"


def test_a_single_instance_has_no_synchronous_replication(render):
    assert "postgresql" not in only(render(*SCENARIOS["cnpg, one instance"]), "Cluster")["spec"]


@pytest.mark.parametrize("mode", ["bundled", "external"])
def test_a_password_is_only_in_its_secret(render, mode):
    password = "spoken-friend"
    objects = render(MODES[mode], {"database": {"mode": mode, "password": password, "existingSecret": ""}})
    secret = only(objects, "Secret")
    assert base64.b64decode(secret["data"]["password"]).decode() == password
    others = json.dumps([each for each in objects if each is not secret])
    assert password not in others
    assert secret["data"]["password"] not in others


def test_special_characters_reach_the_pods_unchanged(render):
    odd = "a: 'b' # \"c\" {{ d }} $(E) \\"
    values = {
        "site": {"timezone": odd},
        "log": {"filter": odd},
        "database": {"name": odd, "user": odd, "password": odd},
        "image": {"repository": odd},
    }
    objects = render(values)
    serve = spec(objects, "Deployment")["containers"][0]
    served = environment(serve)
    assert [served[name] for name in ("ROLLCALL_TIMEZONE", "ROLLCALL_LOG", "DATABASE_NAME")] == [odd, odd, odd]
    assert serve["image"].startswith(odd + ":")
    assert {base64.b64decode(each).decode() for each in only(objects, "Secret")["data"].values()} == {odd}
    [postgres] = spec(objects, "StatefulSet")["containers"]
    assert environment(postgres)["POSTGRES_DB"] == odd
    assert f"--dbname={odd}" in postgres["readinessProbe"]["exec"]["command"]


@pytest.mark.parametrize(("sslmode", "trusts"), [("verify-full", "system"), ("verify-ca", None), ("require", None)])
def test_verify_full_trusts_the_public_authorities_by_default(render, sslmode, trusts):
    objects = render(EXTERNAL, {"database": {"external": {"sslmode": sslmode}}})
    for kind in ("Deployment", "Job"):
        [first, *_] = spec(objects, kind)["containers"]
        assert environment(first).get("DATABASE_SSLROOTCERT") == trusts


def test_an_existing_secret_replaces_the_charts_secret(render):
    for mode in ("bundled", "external"):
        objects = render(MODES[mode], {"database": {"password": "", "existingSecret": "mine"}})
        assert "Secret" not in {each["kind"] for each in objects}
        assert environment(spec(objects, "Deployment")["containers"][0])["DATABASE_PASSWORD"] == "mine/password"


def test_without_a_cluster_no_password_is_generated(template, render):
    """It could not be kept, and the next rendering would have another. The output tells what to do instead."""
    objects = render({})
    assert "Secret" not in {each["kind"] for each in objects}
    assert environment(spec(objects, "Deployment")["containers"][0])["DATABASE_PASSWORD"] == (
        "rollcall-database/password"
    )
    output = template({}).stdout
    assert "kubectl create secret generic rollcall-database --namespace gates" in output
    assert output == template({}).stdout


REFUSED = {
    "no host": ({"database": {"mode": "external", "existingSecret": "x"}}, "database.external.host is required"),
    "no password": ({"database": {"mode": "external", "external": {"host": "x"}}}, "set database.existingSecret"),
    "a password with cnpg": ({"database": {"mode": "cnpg", "password": "x"}}, "CloudNativePG creates the Secret"),
    "a service role without a Secret": (
        {"database": {"mode": "cnpg", "cnpg": {"serviceRole": {"name": "gates"}}}},
        "needs both a name and an existingSecret",
    ),
    "two sources of the certificate": (
        {
            "database": {
                "mode": "external",
                "existingSecret": "x",
                "external": {"host": "x", "sslRootCert": {"secret": "a", "configMap": "b"}},
            }
        },
        "Leave one of them empty",
    ),
    "retention without an age": ({**EXTERNAL, "retention": {"enabled": True}}, "retention.enabled needs retention.days"),
    "no hosts": ({**EXTERNAL, "ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    "no Gateway": ({**EXTERNAL, "httpRoute": {"enabled": True}}, "httpRoute.enabled needs httpRoute.parentRefs"),
    "no VirtualService hosts": ({**EXTERNAL, "virtualService": {"enabled": True}}, "needs virtualService.hosts"),
    "a canary without a release": ({**EXTERNAL, **ROUTE, "canary": {"enabled": True}}, "needs canary.image.tag"),
    "a canary without a route": ({**EXTERNAL, **CANARY}, "needs httpRoute.enabled or virtualService.enabled"),
    "minimum above maximum": (
        {**EXTERNAL, "autoscaling": {"enabled": True, "minReplicas": 7}},
        "minReplicas is more than autoscaling.maxReplicas",
    ),
    "no scaling metric": (
        {**EXTERNAL, "autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None}},
        "autoscaling.enabled needs autoscaling.targetCPUUtilizationPercentage or autoscaling.metrics",
    ),
}


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_contradictory_values_are_refused_with_an_instruction(template, values, message):
    done = template(values)
    assert done.returncode != 0
    assert message in done.stderr


# Access


def admin_token(objects):
    """The reference to the admin's token in the Deployment, or None."""
    env = {each["name"]: each for each in spec(objects, "Deployment")["containers"][0]["env"]}
    return env.get("ROLLCALL_ADMIN_TOKEN", {}).get("valueFrom", {}).get("secretKeyRef")


@every_mode
def test_requests_need_a_token_by_default(render, values):
    assert environment(spec(render(values), "Deployment")["containers"][0])["ROLLCALL_ACCESS"] == "token"


@pytest.mark.parametrize("mode", ["open", "token"])
def test_the_mode_of_access_can_be_set(render, mode):
    objects = render(EXTERNAL, ROUTE, CANARY, {"access": {"mode": mode}})
    for name in ("rollcall", "rollcall-canary"):
        assert environment(spec(objects, "Deployment", name)["containers"][0])["ROLLCALL_ACCESS"] == mode


@pytest.mark.parametrize("values", [EXTERNAL, CNPG], ids=["external", "cnpg"])
def test_only_the_bundled_database_has_a_generated_admin(render, template, values):
    assert admin_token(render(values)) is None
    assert "admin-token" not in template(values).stdout


@every_mode
def test_the_admins_token_can_come_from_an_existing_secret(render, values):
    given = admin_token(render(values, {"access": {"existingSecret": "mine"}}))
    # Required: if the name is mistyped, the pods wait for the Secret.
    assert given == {"name": "mine", "key": "admin-token"}


def test_without_a_cluster_no_admin_is_generated(template, render):
    """The service runs without the Secret. The output tells how to create it."""
    objects = render(BUNDLED)
    assert "rollcall-access" not in {each["metadata"]["name"] for each in objects}
    assert admin_token(objects) == {"name": "rollcall-access", "key": "admin-token", "optional": True}
    output = template(BUNDLED).stdout
    assert "kubectl create secret generic rollcall-access --namespace gates" in output
    assert output == template(BUNDLED).stdout


# Retention


def test_nothing_is_erased_by_default(render):
    for values in (*MODES.values(), CHART / "values-production.yaml", CHART / "values-gitops.yaml"):
        assert "CronJob" not in {each["kind"] for each in render(values)}


def test_old_entries_are_erased_by_the_owner_of_the_tables(render):
    site = {"site": {"timezone": "Asia/Manila", "dayStart": "05:00"}}
    objects = render(*SCENARIOS["retention, separate owner role"], site, {"retention": {"schedule": "15 2 * * 0"}})
    job = only(objects, "CronJob", "rollcall-retention")["spec"]
    assert (job["schedule"], job["timeZone"]) == ("15 2 * * 0", "Asia/Manila")
    assert job["concurrencyPolicy"] == "Forbid"
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    [erase] = pod["containers"]
    assert erase["args"] == ["erase", "--older-than", "365"]
    assert erase["image"] == spec(objects, "Deployment")["containers"][0]["image"]
    assert environment(erase) == {
        "DATABASE_HOSTNAME": "db.example.org",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": "rollcall",
        "DATABASE_USER": "owner/username",
        "DATABASE_PASSWORD": "owner/password",
        "DATABASE_SSLMODE": "require",
        "ROLLCALL_TIMEZONE": "Asia/Manila",
        "ROLLCALL_DAY_START": "05:00",
    }


@every_mode
def test_with_one_role_the_service_role_erases(render, values):
    objects = render(values, RETENTION)
    pod = only(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    erase, serve = environment(pod["containers"][0]), environment(spec(objects, "Deployment")["containers"][0])
    assert erase.items() <= serve.items()


def test_retention_verifies_the_databases_certificate(render):
    objects = render(CHART / "values-production.yaml", RETENTION)
    pod = only(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert [each["configMap"]["name"] for each in pod["volumes"]] == ["database-authority"]
    [erase] = pod["containers"]
    assert environment(erase)["DATABASE_SSLROOTCERT"].startswith(erase["volumeMounts"][0]["mountPath"] + "/")


# Scale


def test_replicas_are_omitted_with_autoscaling(render):
    assert only(render(EXTERNAL), "Deployment")["spec"]["replicas"] == 2
    objects = render(*SCENARIOS["scaled by load"])
    assert "replicas" not in only(objects, "Deployment")["spec"]
    scaler = only(objects, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rollcall"}
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert [each["resource"]["name"] for each in scaler["metrics"]] == ["cpu"]


def test_autoscaling_can_use_other_metrics(render):
    target = {"type": "AverageValue", "averageValue": "1"}
    metric = {"type": "Pods", "pods": {"metric": {"name": "x"}, "target": target}}
    scaling = {"enabled": True, "targetCPUUtilizationPercentage": None, "metrics": [metric]}
    assert only(render(EXTERNAL, {"autoscaling": scaling}), "HorizontalPodAutoscaler")["spec"]["metrics"] == [metric]


@pytest.mark.parametrize(
    ("scenario", "there"),
    [
        ("external", True),
        ("one pod", False),
        ("scaled by load", True),
        ("scaled by load from one", False),
        ("no disruption budget", False),
    ],
)
def test_a_disruption_budget_requires_at_least_two_pods(render, scenario, there):
    budgets = [each["spec"] for each in render(*SCENARIOS[scenario]) if each["kind"] == "PodDisruptionBudget"]
    assert len(budgets) == there
    for budget in budgets:
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


# Network


def test_the_service_is_reachable_only_inside_the_cluster(render):
    service = only(render(EXTERNAL), "Service")["spec"]
    assert service["type"] == "ClusterIP"
    assert service["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]


def test_nothing_is_exposed_by_default(render):
    for values in MODES.values():
        objects = render(values)
        assert not {each["kind"] for each in objects} & {"Ingress", "HTTPRoute", "VirtualService"}
        types = {each["spec"].get("type", "ClusterIP") for each in objects if each["kind"] == "Service"}
        assert types == {"ClusterIP"}


# What a browser needs beside the table: signing in, what pages load, tokens and the API's documents.
EXPOSED = ["/table", "/session", "/assets", "/admin/tokens", "/docs", "/openapi.json"]


def test_the_ingress_exposes_what_gates_readers_and_pages_need(render):
    ingress = only(render(CHART / "values-production.yaml"), "Ingress")["spec"]
    [rule] = ingress["rules"]
    assert rule["host"] == "attendance.example.org"
    paths = rule["http"]["paths"]
    assert [(each["path"], each["pathType"]) for each in paths] == [(path, "Prefix") for path in EXPOSED]
    for path in paths:
        assert path["backend"] == {"service": {"name": "rollcall", "port": {"name": "http"}}}
    assert ingress["tls"] == [{"secretName": "attendance-tls", "hosts": ["attendance.example.org"]}]


def test_the_http_route_exposes_what_gates_readers_and_pages_need(render):
    route = only(render(CHART / "values-gitops.yaml"), "HTTPRoute")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "hostnames": ["attendance.example.org"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in EXPOSED],
                "backendRefs": [{"name": "rollcall", "port": 8000}],
            }
        ],
    }


def test_the_virtual_service_exposes_what_gates_readers_and_pages_need(render):
    service = only(render(EXTERNAL, MESH), "VirtualService")
    assert service["apiVersion"] == "networking.istio.io/v1"
    assert service["spec"] == {
        "hosts": ["attendance.example.org"],
        "gateways": ["mesh"],
        "http": [
            {
                "match": [{"uri": each} for path in EXPOSED for each in ({"exact": path}, {"prefix": path + "/"})],
                "route": [{"destination": {"host": "rollcall", "port": {"number": 8000}}}],
            }
        ],
    }


def exposed(objects):
    """The paths of the Ingress, of the HTTPRoute and of the VirtualService."""
    [ingress] = only(objects, "Ingress")["spec"]["rules"]
    [route] = only(objects, "HTTPRoute")["spec"]["rules"]
    [mesh] = only(objects, "VirtualService")["spec"]["http"]
    return (
        [each["path"] for each in ingress["http"]["paths"]],
        [each["path"]["value"] for each in route["matches"]],
        [each["uri"]["exact"] for each in mesh["match"] if "exact" in each["uri"]],
    )


def test_other_paths_can_be_exposed(render):
    sections = [{"ingress": {"enabled": True, "hosts": ["attendance.example.org"]}}, ROUTE, MESH]
    kinds = [next(iter(each)) for each in sections]
    fewer = [{kind: {"paths": ["/table", "/session"]}} for kind in kinds]
    assert exposed(render(EXTERNAL, *sections, *fewer)) == (["/table", "/session"],) * 3
    # As values for 0.1.0 may have it.
    one = [{kind: {"path": "/"}} for kind in kinds]
    assert exposed(render(EXTERNAL, *sections, *one)) == (["/"],) * 3
    assert exposed(render(EXTERNAL, CANARY, *sections)) == (EXPOSED,) * 3


def test_a_canary_gets_its_share_of_the_requests(render):
    objects = render(EXTERNAL, ROUTE, MESH, CANARY)
    [rule] = only(objects, "HTTPRoute")["spec"]["rules"]
    shares = [(each["name"], each["weight"]) for each in rule["backendRefs"]]
    assert shares == [("rollcall", 75), ("rollcall-canary", 25)]
    [rule] = only(objects, "VirtualService")["spec"]["http"]
    shares = [(each["destination"]["host"], each["weight"]) for each in rule["route"]]
    assert shares == [("rollcall", 75), ("rollcall-canary", 25)]


def test_a_canary_runs_another_release_beside_the_first(render):
    objects = render(EXTERNAL, ROUTE, CANARY)
    pods = {each["metadata"]["name"]: each["spec"]["template"] for each in objects if each["kind"] == "Deployment"}
    services = {each["metadata"]["name"]: each["spec"]["selector"] for each in objects if each["kind"] == "Service"}
    assert pods.keys() == services.keys() == {"rollcall", "rollcall-canary"}
    for name, selector in services.items():
        found = [each for each, pod in pods.items() if selector.items() <= pod["metadata"]["labels"].items()]
        assert found == [name]
    one, other = pods["rollcall"]["spec"], pods["rollcall-canary"]["spec"]
    assert other["containers"][0]["image"] == "ghcr.io/rollcall/rollcall:next"
    assert one["containers"][0]["image"] != other["containers"][0]["image"]
    assert environment(one["containers"][0]) == environment(other["containers"][0])
    assert other["initContainers"][0]["image"] == other["containers"][0]["image"]


def selects(selector, labels):
    """Whether a label selector matches these labels."""
    for each in selector.get("matchExpressions", []):
        assert each["operator"] in ("In", "Exists")
        if each["key"] not in labels or labels[each["key"]] not in each.get("values", [labels[each["key"]]]):
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def allowed(objects, source, target, port, protocol="TCP"):
    """Whether the policies allow connections from `source` to `target`: pod labels, or None for outside the cluster."""

    def one_side(direction, pod, other):
        policies = [
            each["spec"]
            for each in objects
            if each["kind"] == "NetworkPolicy"
            and pod is not None
            and selects(each["spec"]["podSelector"], pod)
            and direction.title() in each["spec"]["policyTypes"]
        ]
        if not policies:
            return True
        peers = {"ingress": "from", "egress": "to"}[direction]
        return any(
            any(each["port"] == port and each.get("protocol", "TCP") == protocol for each in rule["ports"])
            and (peers not in rule or any(other and selects(each["podSelector"], other) for each in rule[peers]))
            for policy in policies
            for rule in policy[direction]
        )

    return one_side("egress", source, target) and one_side("ingress", target, source)


PEERS = {"networkPolicy": {"enabled": True, "from": [{"podSelector": {"matchLabels": {"app": "proxy"}}}]}}
STRANGER = {"app": "stranger"}
PROXY = {"app": "proxy"}


@pytest.mark.parametrize("peers", [POLICIES, PEERS], ids=["from anywhere", "from the proxy"])
def test_policies_allow_only_the_needed_connections(render, peers):
    objects = render(BUNDLED, ROUTE, CANARY, RETENTION, peers)
    labels = [pod["metadata"]["labels"] for pod in pod_security.pods(objects)]
    pods = {each["app.kubernetes.io/component"]: each for each in labels}
    assert pods.keys() == {"service", "canary", "migrate", "retention", "database", "test"}
    for client in ("service", "canary", "migrate", "retention"):
        assert allowed(objects, pods[client], pods["database"], 5432)
        assert allowed(objects, pods[client], None, 53, "UDP")
        assert allowed(objects, pods[client], None, 53)
        assert not allowed(objects, pods[client], None, 443)
        assert not allowed(objects, pods[client], STRANGER, 5432)
    assert allowed(objects, pods["test"], pods["service"], 8000)
    assert allowed(objects, pods["test"], None, 53, "UDP")
    assert not allowed(objects, pods["test"], pods["database"], 5432)
    for server in ("service", "canary"):
        assert allowed(objects, PROXY, pods[server], 8000)
        assert allowed(objects, STRANGER, pods[server], 8000) == (peers is POLICIES)
        assert not allowed(objects, PROXY, pods[server], 5432)
        # Without peers for the metrics, they are for nobody if the service is not for everybody.
        assert allowed(objects, PROXY, pods[server], 9000) == (peers is POLICIES)
    assert not allowed(objects, STRANGER, pods["database"], 5432)
    for closed in ("migrate", "retention"):
        assert not allowed(objects, STRANGER, pods[closed], 8000)
    assert not allowed(objects, pods["database"], None, 53, "UDP")


@pytest.mark.parametrize("peers", [POLICIES, PEERS], ids=["from anywhere", "from the proxy"])
def test_only_the_scraper_may_connect_to_the_metrics_port(render, peers):
    scraper = {"app": "prometheus"}
    scrapers = {"networkPolicy": {"metricsFrom": [{"podSelector": {"matchLabels": scraper}}]}}
    objects = render(EXTERNAL, peers, scrapers, {"metrics": {"port": 9464}})
    service = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert allowed(objects, scraper, service, 9464)
    assert not allowed(objects, PROXY, service, 9464)
    assert not allowed(objects, STRANGER, service, 9464)
    assert allowed(objects, scraper, service, 8000) == (peers is POLICIES)


def test_policies_for_an_external_database(render):
    replica = {"database": {"external": {"readReplica": {"host": "replica", "port": 5433}}}}
    objects = render(EXTERNAL, POLICIES, replica)
    service = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert allowed(objects, service, None, 5432) and allowed(objects, service, None, 5433)
    assert not allowed(objects, service, None, 5434)
    network = {"networkPolicy": {"enabled": True, "databaseTo": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}}
    rules = only(render(EXTERNAL, network), "NetworkPolicy", "rollcall-migrate")["spec"]["egress"]
    assert {"ports": [{"port": 5432}], "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]} in rules


def test_policies_for_a_cloudnativepg_cluster(render):
    objects = render(CNPG, POLICIES)
    service = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert allowed(objects, service, {"cnpg.io/cluster": "rollcall-database"}, 5432)
    assert not allowed(objects, service, {"cnpg.io/cluster": "another"}, 5432)


# Monitoring


def test_prometheus_scrapes_only_the_service_and_the_canary(render):
    objects = render(BUNDLED, ROUTE, CANARY, MONITOR, {"serviceMonitor": {"labels": {"release": "prometheus"}}})
    monitor = only(objects, "ServiceMonitor")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    assert monitor["spec"]["endpoints"] == [{"targetPort": "metrics", "path": "/metrics", "interval": "30s"}]
    services = [each for each in objects if each["kind"] == "Service"]
    selector = monitor["spec"]["selector"]
    found = {each["metadata"]["name"] for each in services if selects(selector, each["metadata"]["labels"])}
    assert found == {"rollcall", "rollcall-canary"}


@pytest.mark.parametrize(("scenario", "port"), [("ServiceMonitor", 9000), ("ServiceMonitor, other port", 9464)])
def test_the_pods_have_a_port_for_the_metrics_and_no_service_has_it(render, scenario, port):
    objects = render(ROUTE, CANARY, *SCENARIOS[scenario])
    for name in ("rollcall", "rollcall-canary"):
        [container] = spec(objects, "Deployment", name)["containers"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert ports == {"http": 8000, "metrics": port}
        assert environment(container)["ROLLCALL_METRICS_PORT"] == str(port)
        [exposed] = only(objects, "Service", name)["spec"]["ports"]
        assert exposed["targetPort"] == "http"


def test_the_dashboard_has_the_label_of_grafanas_sidecar(render):
    dashboard = only(render(*SCENARIOS["dashboard"]), "ConfigMap")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["rollcall.json"]) == json.loads((CHART / "files/dashboard.json").read_text())


# As a subchart


@pytest.mark.parametrize("enabled", [True, False])
def test_as_a_subchart(render, tmp_path, enabled):
    parent = tmp_path / "parent"
    shutil.copytree(CHART, parent / "charts" / "rollcall")
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    dependency = {"name": "rollcall", "version": version, "condition": "rollcall.enabled"}
    about = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(about))
    values = {"global": {"domain": "example.org"}, "rollcall": {**EXTERNAL, "enabled": enabled}}
    kinds = {each["kind"] for each in render(values, chart=parent, release="site")}
    assert kinds == ({"Deployment", "Service", "Job", "PodDisruptionBudget", "Pod"} if enabled else set())
