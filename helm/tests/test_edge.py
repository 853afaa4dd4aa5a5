"""The way in from outside: two hosts, the public paths, certificates."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from helm.render import RenderError, render
from task_api.app import create_app
from task_api.settings import Settings

from .objects import Object, environment, merged, of_kind, one

Values = dict[str, Any]

API: Values = {"edge": {"enabled": True, "apiHost": "api.acme.io"}}
BOTH: Values = merged(API, {"edge": {"appHost": "app.acme.io"}, "dashboard": {"enabled": True}})
ISSUERS: Values = merged(API, {"edge": {"tls": {"createIssuers": True, "email": "ops@acme.io"}}})
OWN_AUTHORITY: Values = {"server": "https://pebble.acme.svc:14000/dir", "caBundle": "UEVN"}


def edge(**values: Any) -> Values:
    return merged(BOTH, {"edge": values})


def ingress(name: str, values: Values | None = None) -> Object:
    return one("Ingress", f"task-system-{name}", values or BOTH)


def annotations_of(name: str, values: Values | None = None) -> dict[str, str]:
    found = ingress(name, values)["metadata"]["annotations"]
    assert isinstance(found, dict)
    return found


def published(path: str, values: Values | None = None) -> bool:
    """As networking.k8s.io/v1 matches: Exact is the path itself, Prefix goes by whole elements."""
    (rule,) = ingress("api", values)["spec"]["rules"]
    return any(
        path == each["path"]
        or (each["pathType"] == "Prefix" and path.startswith(each["path"].rstrip("/") + "/"))
        for each in rule["http"]["paths"]
    )


def test_should_render_nothing_of_it_by_default() -> None:
    kinds = {"Ingress", "DomainMapping", "ClusterIssuer", "ClusterDomainClaim"}
    assert not [kind for kind in kinds if of_kind(kind)]


# --- the hosts ---------------------------------------------------------------------------------------------


def test_should_lead_the_api_host_to_knatives_gateway_in_its_own_namespace() -> None:
    values = edge(kourier={"namespace": "kourier-system", "service": "kourier"})
    found = ingress("api", values)
    assert found["metadata"]["namespace"] == "kourier-system"
    (rule,) = found["spec"]["rules"]
    assert rule["host"] == "api.acme.io"
    backends = [each["backend"] for each in rule["http"]["paths"]]
    assert backends == [{"service": {"name": "kourier", "port": {"number": 80}}}] * len(backends)
    assert "defaultBackend" not in found["spec"]


def test_should_give_the_api_host_to_task_api() -> None:
    (mapping,) = of_kind("DomainMapping", BOTH)
    assert mapping["apiVersion"] == "serving.knative.dev/v1beta1"
    assert mapping["metadata"]["name"] == ingress("api")["spec"]["rules"][0]["host"]
    assert mapping["spec"]["ref"] == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "name": one("Service", "task-api", BOTH)["metadata"]["name"],
        "namespace": mapping["metadata"]["namespace"],
    }
    # With Knative's certificates on, the gateway would redirect the plain requests the Ingress sends it.
    assert mapping["metadata"]["annotations"] == {
        "networking.knative.dev/disable-external-domain-tls": "true"
    }


def test_should_claim_the_host_only_when_told() -> None:
    assert of_kind("ClusterDomainClaim", BOTH) == []
    (claim,) = of_kind("ClusterDomainClaim", edge(domainClaim=True))
    assert claim["metadata"]["name"] == "api.acme.io"
    assert "namespace" not in claim["metadata"]
    assert claim["spec"] == {"namespace": "task-system"}


def test_should_lead_the_app_host_to_the_dashboard() -> None:
    assert [each["metadata"]["name"] for each in of_kind("Ingress", API)] == ["task-system-api"]
    (rule,) = ingress("app")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"], path["pathType"]) == ("app.acme.io", "/", "Prefix")
    backend = path["backend"]["service"]
    service = one("Service", backend["name"], BOTH)
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    assert ingress("app")["metadata"]["namespace"] == service["metadata"]["namespace"]


def test_should_tell_task_api_the_address_clients_use() -> None:
    def public_url(values: Values) -> Object | None:
        return environment(one("Service", "task-api", values)).get("PUBLIC_URL")

    assert public_url({}) is None
    assert public_url(API) == {"name": "PUBLIC_URL", "value": "https://api.acme.io"}
    other = merged(API, {"taskApi": {"publicUrl": "https://tasks.acme.io/api"}})
    assert public_url(other) == {"name": "PUBLIC_URL", "value": "https://tasks.acme.io/api"}


# --- the paths ---------------------------------------------------------------------------------------------


def served() -> dict[str, bool]:
    """Every path task-api serves, and whether its OpenAPI document speaks of it."""
    app = create_app(Settings(database_url="postgresql://a@b/c", oidc_issuer="https://login.example"))
    documented = app.openapi()["paths"]
    return {
        route.path.replace("{task_id}", "1"): route.path in documented
        for route in app.routes
        if isinstance(route, APIRoute | Route)
    }


def test_should_publish_what_task_api_serves_to_users_and_nothing_else() -> None:
    public = {path for path in served() if published(path)}
    assert public == {
        "/v1/tasks",
        "/v1/tasks/1",
        "/v1/tasks/1/restore",
        "/openapi.json",
        "/docs",
        "/livez",
    }
    assert set(served()) - public == {"/relay", "/readyz"}
    assert not published("/metrics")
    assert not published("/")


def test_should_publish_no_path_nobody_serves() -> None:
    (rule,) = ingress("api")["spec"]["rules"]
    assert {each["path"] for each in rule["http"]["paths"]} <= set(served())


@pytest.mark.parametrize(
    ("path", "kind", "shown", "private"),
    [
        ("/", "Prefix", "/", "/relay"),
        ("/relay", "Exact", "/relay", "/relay"),
        ("/relay/", "Prefix", "/relay", "/relay"),
        ("/re", "Prefix", "/re", "/relay"),  # NGINX compares characters, not elements
        ("/readyz", "Exact", "/readyz", "/readyz"),
        ("/metrics", "Exact", "/metrics", "/metrics"),
    ],
)
def test_should_refuse_to_publish_what_is_the_platforms(
    path: str, kind: str, shown: str, private: str
) -> None:
    with pytest.raises(RenderError) as raised:
        render(edge(publicPaths=[{"path": path, "pathType": kind}]))
    assert (
        str(raised.value)
        == f"edge.publicPaths has {shown}: {private} is for the platform, not for the public."
    )


def test_should_publish_the_paths_that_are_named() -> None:
    values = edge(publicPaths=[{"path": "/v1", "pathType": "Prefix"}])
    assert published("/v1/tasks/1", values)
    assert not published("/docs", values)
    assert not published("/v10", values)


# --- the proxy ---------------------------------------------------------------------------------------------


def nginx(name: str, values: Values | None = None) -> dict[str, str]:
    return {
        key.removeprefix("nginx.org/"): value
        for key, value in annotations_of(name, values).items()
        if key.startswith("nginx.org/")
    }


def test_should_bound_requests_and_come_back_by_https() -> None:
    common = {
        "client-max-body-size": "128k",
        "proxy-connect-timeout": "5s",
        "server-tokens": "False",
        "ssl-redirect": "True",
        "hsts": "True",
        "hsts-max-age": "31536000",
        "hsts-include-subdomains": "False",
    }
    assert nginx("api") == {**common, "proxy-read-timeout": "65s", "proxy-send-timeout": "65s"}
    assert nginx("app") == {
        **common,
        "proxy-read-timeout": "3600s",
        "proxy-send-timeout": "3600s",
        "proxy-buffering": "False",  # a stream of events goes out as it comes in
    }


def test_should_take_every_number_from_the_values() -> None:
    values = edge(
        maxBodySize="1m",
        httpsRedirect=False,
        timeouts={"connectSeconds": 7, "apiSeconds": 77, "streamSeconds": 777},
        hsts={"maxAgeSeconds": 63072000, "includeSubdomains": True},
        rateLimit={"enabled": True, "requestsPerSecond": 3, "burst": 9},
    )
    found = nginx("api", values)
    assert found["client-max-body-size"] == "1m"
    assert (found["ssl-redirect"], found["hsts-include-subdomains"]) == ("False", "True")
    assert (found["hsts-max-age"], found["proxy-connect-timeout"]) == ("63072000", "7s")
    assert (found["proxy-read-timeout"], nginx("app", values)["proxy-read-timeout"]) == ("77s", "777s")
    for name in ("api", "app"):
        limit = {key: value for key, value in nginx(name, values).items() if key.startswith("limit-req")}
        assert limit == {
            "limit-req-key": "${binary_remote_addr}",
            "limit-req-zone-size": "10m",
            "limit-req-rate": "3r/s",
            "limit-req-burst": "9",
            "limit-req-no-delay": "True",
            "limit-req-reject-code": "429",
        }


def test_should_send_no_hsts_when_told_so() -> None:
    assert not [key for key in nginx("api", edge(hsts={"enabled": False})) if "hsts" in key]


def test_should_let_task_api_answer_a_body_that_is_too_large() -> None:
    assert int(nginx("api")["client-max-body-size"].removesuffix("k")) > 64


def test_should_serve_another_controller_with_the_same_objects() -> None:
    own = [{"name": "haproxy.org/timeout-server", "value": "65s"}, {"name": "a.io/on", "value": "true"}]
    values = edge(ingressClassName="haproxy", annotations=own)
    for name in ("api", "app"):
        assert ingress(name, values)["spec"]["ingressClassName"] == "haproxy"
        assert nginx(name, values) == {}
        given = annotations_of(name, values)
        assert (given["haproxy.org/timeout-server"], given["a.io/on"]) == ("65s", "true")
        assert ingress(name, values)["spec"]["rules"] == ingress(name)["spec"]["rules"]


# --- certificates ------------------------------------------------------------------------------------------


def test_should_have_every_host_certified_without_losing_it_to_the_challenge() -> None:
    for name, host in (("api", "api.acme.io"), ("app", "app.acme.io")):
        given = annotations_of(name)
        assert given["cert-manager.io/cluster-issuer"] == "letsencrypt-staging"
        assert given["acme.cert-manager.io/http01-edit-in-place"] == "true"
        assert given["cert-manager.io/issue-temporary-certificate"] == "true"
        tls = ingress(name)["spec"]["tls"]
        assert tls == [{"hosts": [host], "secretName": f"task-system-{name}-tls"}]


def test_should_make_the_issuers_only_when_told() -> None:
    assert of_kind("ClusterIssuer", BOTH) == []
    made = {each["metadata"]["name"]: each["spec"]["acme"] for each in of_kind("ClusterIssuer", ISSUERS)}
    assert {name: acme["server"] for name, acme in made.items()} == {
        "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
        "letsencrypt-production": "https://acme-v02.api.letsencrypt.org/directory",
    }
    for name, acme in made.items():
        assert acme["email"] == "ops@acme.io"
        assert acme["privateKeySecretRef"] == {"name": f"{name}-account"}
        # ClusterIP: cert-manager's default is a NodePort.
        solver = {"http01": {"ingress": {"ingressClassName": "nginx", "serviceType": "ClusterIP"}}}
        assert acme["solvers"] == [solver]
        assert "caBundle" not in acme


def test_should_use_an_acme_authority_of_ones_own() -> None:
    own = {"edge": {"tls": {"issuer": "acme", "acme": OWN_AUTHORITY}}}
    values = merged(ISSUERS, own)
    acme = one("ClusterIssuer", "acme", values)["spec"]["acme"]
    assert {"server": acme["server"], "caBundle": acme["caBundle"]} == OWN_AUTHORITY
    assert annotations_of("api", values)["cert-manager.io/cluster-issuer"] == "acme"


def test_should_leave_the_issuers_to_the_cluster() -> None:
    values = edge(tls={"issuer": "the-clusters-own"})
    assert annotations_of("api", values)["cert-manager.io/cluster-issuer"] == "the-clusters-own"


# --- contradictions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"edge": {"enabled": True}},
            "edge.enabled has no edge.apiHost: the host clients reach the API at.",
        ),
        (
            merged(API, {"dashboard": {"enabled": True}}),
            "edge.enabled and dashboard.enabled have no edge.appHost: the host browsers reach the dashboard at.",
        ),
        (
            edge(appHost="api.acme.io"),
            "edge.apiHost and edge.appHost are both api.acme.io: one host leads to one place.",
        ),
        (
            edge(timeouts={"apiSeconds": 60}),
            (
                "edge.timeouts.apiSeconds (60) is not above taskApi.timeoutSeconds (60): "
                "the proxy would give up on requests Knative still allows."
            ),
        ),
        (
            edge(tls={"createIssuers": True}),
            (
                "edge.tls.createIssuers has no edge.tls.email: "
                "the authority writes there before a certificate runs out."
            ),
        ),
        (
            merged(ISSUERS, {"edge": {"tls": {"issuer": "acme"}}}),
            (
                "edge.tls.issuer is acme, and createIssuers makes letsencrypt-staging, letsencrypt-production: "
                "name one of them, or leave the issuers to the cluster."
            ),
        ),
        (
            edge(tls={"acme": {"server": "https://pebble:14000/dir"}}),
            "edge.tls.acme.server is set without edge.tls.createIssuers: nothing would use it.",
        ),
        (
            merged(ISSUERS, {"edge": {"tls": {"acme": {"caBundle": "UEVN"}}}}),
            "edge.tls.acme.caBundle is set without edge.tls.acme.server: nothing would use it.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_should_fail_on_a_contradiction_with_its_sentence(values: Values, sentence: str) -> None:
    with pytest.raises(RenderError) as raised:
        render(values)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("apiHost", "https://api.acme.io"),
        ("apiHost", "api"),
        ("appHost", "*.acme.io"),
        ("ingressClassName", ""),
        ("annotations", [{"name": "a"}]),
        ("publicPaths", []),
        ("publicPaths", [{"path": "v1", "pathType": "Prefix"}]),
        ("publicPaths", [{"path": "/v1", "pathType": "Regex"}]),
        ("maxBodySize", "128KB"),
        ("timeouts/apiSeconds", 0),
        ("hsts/maxAgeSeconds", -1),
        ("rateLimit/requestsPerSecond", 0),
        ("tls/email", "nobody"),
        ("tls/acme/server", "http://pebble"),
        ("tls/acme/caBundle", "-----BEGIN CERTIFICATE-----"),
    ],
)
def test_should_refuse_a_bad_value_by_its_name(path: str, value: object) -> None:
    given: Any = value
    for key in reversed(path.split("/")):
        given = {key: given}
    with pytest.raises(RenderError, match=f"at '/edge/{path}"):
        render({"edge": given})
