"""The door to the internet: what is public is listed, encrypted, and renewed while it is in use."""

from __future__ import annotations

from collections.abc import Iterator

from helm.gates.objects import Object, Objects, annotations_of, name_of

Faults = Iterator[tuple[Object | str, str]]

ISSUER = "cert-manager.io/cluster-issuer"
# With the redirect on, the first certificate and every renewal need both.
RENEWAL = {
    "acme.cert-manager.io/http01-edit-in-place": "true",
    "cert-manager.io/issue-temporary-certificate": "true",
}
# Paths of the task API that only the cluster may ask for, or that are none.
PRIVATE = ("/relay", "/metrics", "/readyz", "/")
API, APP = "task-system-api", "task-system-app"
ISSUERS = {"letsencrypt-staging", "letsencrypt-production"}


def encrypted(objects: Objects) -> Faults:
    for each in objects.of("Ingress"):
        hosts = {rule.get("host") for rule in each["spec"].get("rules", [])}
        covered = {host for tls in each["spec"].get("tls", []) for host in tls.get("hosts", [])}
        if not all(hosts) or any("*" in str(host) for host in hosts):
            yield each, "a rule without one host of its own takes what is meant for others."
        if hosts - covered:
            yield each, f"no certificate for {', '.join(sorted(map(str, hosts - covered)))}."
        if not all(tls.get("secretName") for tls in each["spec"].get("tls", [])):
            yield each, "a certificate without a Secret is nobody's."


def renewed_while_in_use(objects: Objects) -> Faults:
    for each in objects.of("Ingress"):
        said = annotations_of(each)
        for key, wanted in RENEWAL.items():
            if said.get(key) != wanted:
                yield each, f"{key} is not {wanted}: the challenge would find no way in."
        made = {name_of(issuer) for issuer in objects.of("ClusterIssuer")}
        if not said.get(ISSUER):
            yield each, "no issuer: nobody makes its certificate."
        elif made and said[ISSUER] not in made:
            yield each, f"there is no ClusterIssuer {said[ISSUER]}."


def strict_transport_where_users_are(objects: Objects) -> Faults:
    """Where the redirect is on, browsers must stay; where it is off (tests) they must be free to leave."""
    for each in objects.of("Ingress"):
        said = annotations_of(each)
        if "nginx" not in each["spec"].get("ingressClassName", ""):
            continue
        redirects = said.get("nginx.org/ssl-redirect") == "True"
        staging = said.get(ISSUER) == "letsencrypt-staging"
        if not redirects:
            yield each, "nginx.org/ssl-redirect is not True: tokens would travel in plain text."
        if redirects and not staging and said.get("nginx.org/hsts") != "True":
            yield each, "nginx.org/hsts is not True: the first request of every visit can be intercepted."


def annotations_nginx_reads(objects: Objects) -> Faults:
    """The controller ignores what it does not know, and this prefix altogether."""
    for each in objects.of("Ingress"):
        for key in annotations_of(each):
            if key.startswith("nginx.ingress.kubernetes.io/"):
                yield each, f"{key} is of a retired controller and without effect."
            elif key.startswith("nginx.org/") and key.removeprefix("nginx.org/") not in KNOWN:
                yield (
                    each,
                    f"{key} is no annotation we know of: a typing error, or a line in invariants/edge.py.",
                )


def public_paths_only(objects: Objects) -> Faults:
    api = objects.find("Ingress", API)
    for rule in api["spec"]["rules"] if api else []:
        for path in rule["http"]["paths"]:
            for private in PRIVATE:
                if _opens(path, private):
                    yield API_TITLE, f"{path['pathType']} {path['path']} makes {private} public."


def hosts_lead_where_they_should(objects: Objects) -> Faults:
    api, app = objects.find("Ingress", API), objects.find("Ingress", APP)
    mapped = {name_of(each): each["spec"]["ref"]["name"] for each in objects.of("DomainMapping")}
    for host in _hosts(api):
        if mapped.get(host) != "task-api":
            yield API_TITLE, f"no DomainMapping gives {host} to task-api: Kourier would answer 404."
    for service in _backends(app):
        found = objects.find("Service", service["name"])
        ports = {port.get("name") for port in found["spec"]["ports"]} if found else set()
        numbers = {port["port"] for port in found["spec"]["ports"]} if found else set()
        if not {service["port"].get("name"), service["port"].get("number")} & (ports | numbers) - {None}:
            yield f"Ingress/{APP}", f"Service {service['name']} has no port {service['port']}."
    if set(_hosts(api)) & set(_hosts(app)):
        yield API_TITLE, "both hosts are the same: NGINX gives a host to one Ingress."


def issuers_prove_over_http(objects: Objects) -> Faults:
    for each in objects.of("ClusterIssuer", "Issuer"):
        acme = each["spec"].get("acme", {})
        if not str(acme.get("server")).startswith("https://"):
            yield each, "the authority is not asked over https."
        if not acme.get("privateKeySecretRef", {}).get("name"):
            yield each, "the account's key has no Secret."
        if acme.get("skipTLSVerify"):
            yield each, "it believes any authority."
        staging = "staging" in str(acme.get("server"))
        if name_of(each) in ISSUERS and staging != name_of(each).endswith("staging"):
            yield each, "its name and its authority do not fit."


def _opens(path: Object, private: str) -> bool:
    if path["pathType"] == "Exact":
        return bool(path["path"] == private)
    prefix = path["path"].rstrip("/")
    return private.rstrip("/") == prefix or private.startswith(f"{prefix}/")


def _hosts(ingress: Object | None) -> list[str]:
    return [rule.get("host", "") for rule in ingress["spec"]["rules"]] if ingress else []


def _backends(ingress: Object | None) -> list[Object]:
    rules = ingress["spec"]["rules"] if ingress else []
    return [path["backend"]["service"] for rule in rules for path in rule["http"]["paths"]]


API_TITLE = f"Ingress/{API}"
KNOWN = {
    "client-max-body-size",
    "hsts",
    "hsts-behind-proxy",
    "hsts-include-subdomains",
    "hsts-max-age",
    "limit-req-burst",
    "limit-req-key",
    "limit-req-no-delay",
    "limit-req-rate",
    "limit-req-reject-code",
    "limit-req-zone-size",
    "proxy-buffering",
    "proxy-connect-timeout",
    "proxy-read-timeout",
    "proxy-send-timeout",
    "server-tokens",
    "ssl-redirect",
}

INVARIANTS = (
    encrypted,
    renewed_while_in_use,
    strict_transport_where_users_are,
    annotations_nginx_reads,
    public_paths_only,
    hosts_lead_where_they_should,
    issuers_prove_over_http,
)
