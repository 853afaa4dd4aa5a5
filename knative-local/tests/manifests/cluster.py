"""A small set of manifests that is right, so that a test can spoil one line of it."""

from __future__ import annotations

from pathlib import Path

from knative_local import profile as profiles
from knative_local.manifests import reading
from knative_local.manifests.serving import Service
from knative_local.manifests.workloads import Deployment
from knative_local.planning.plan import Plan, Ports, make_plan

SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: hello
  namespace: test
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/min-scale: "0"
    spec:
      containerConcurrency: 10
      containers:
        - image: registry.example.com/team/hello:1.0
          env:
            - name: GREETING
              value: hi
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef:
                  name: database
                  key: url
            - name: SINK
              value: http://kafka-broker-ingress.knative-eventing.svc.cluster.local/test/events
          readinessProbe:
            httpGet:
              path: /ready
"""
BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: events
  namespace: test
  annotations:
    eventing.knative.dev/broker.class: Kafka
spec:
  config:
    apiVersion: v1
    kind: ConfigMap
    name: broker-config
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: broker-config
  namespace: test
data:
  default.topic.partitions: "4"
  default.topic.replication.factor: "3"
  bootstrap.servers: kafka:9092
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: hello
  namespace: test
spec:
  broker: events
  filters:
    - exact:
        type: greeting
  subscriber:
    ref:
      apiVersion: serving.knative.dev/v1
      kind: Service
      name: hello
  delivery:
    retry: 3
    backoffDelay: PT0.5S
    timeout: PT10S
    deadLetterSink:
      ref:
        apiVersion: eventing.knative.dev/v1alpha1
        kind: KafkaSink
        name: dead
"""
SINK = """
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata:
  name: dead
  namespace: test
spec:
  topic: dead
  bootstrapServers: [kafka:9092]
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  namespace: test
spec:
  backoffLimit: 3
  template:
    spec:
      restartPolicy: Never
      containers:
        - image: hello
          args: [migrate]
"""
PING = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata:
  name: wake
  namespace: test
spec:
  schedule: "*/10 * * * *"
  sink:
    ref:
      apiVersion: serving.knative.dev/v1
      kind: Service
      name: hello
    uri: /wake
"""
FILES = {
    "service": SERVICE,
    "broker": BROKER,
    "trigger": TRIGGER,
    "sink": SINK,
    "job": JOB,
    "ping": PING,
}
PROFILE = """
manifests = ["manifests"]
[postgres]
[secrets.database]
url = "{postgres.url}"
[images]
hello = ["sh", "-c", "exit 0"]
[companions.issuer]
command = ["true", "{port}", "{data}"]
stands-for = "http://issuer.test.svc.cluster.local"
"""


def write(folder: Path, *, profile: str = PROFILE, **files: str) -> Path:
    """Write the manifests, some of them replaced, and the profile; return its path."""
    manifests = folder / "manifests"
    manifests.mkdir(exist_ok=True)
    for name, text in (FILES | files).items():
        (manifests / f"{name}.yaml").write_text(text)
    path = folder / "laptop.toml"
    path.write_text(profile)
    return path


def plan(folder: Path, *, profile: str = PROFILE, **files: str) -> Plan:
    """Ports: hello 1001, Deployments after it, the broker 2000, the status 2001, companions from 3000."""
    loaded = profiles.read(write(folder, profile=profile, **files))
    manifests = reading.read(loaded.manifest_folders())
    keys = [(found.namespace, found.name) for found in manifests.of(Service)]
    keys += [(found.namespace, found.name) for found in manifests.of(Deployment)]
    services = {key: 1001 + i for i, key in enumerate(keys)}
    companions = {name: 3000 + i for i, name in enumerate(loaded.companions)}
    return make_plan(manifests, loaded, Ports(services, 2000, 2001, companions))
