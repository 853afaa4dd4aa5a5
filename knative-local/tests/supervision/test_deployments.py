"""Deployments as they run: always on, reached by their Service, kept in their number."""

from __future__ import annotations

import os
import signal
import urllib.error
from pathlib import Path

from knative_local.process_table import is_alive

from .laptop import Laptop, eventually, up

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: board, namespace: test}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: board}}
  template:
    metadata:
      labels: {{app: board}}
    spec:
      containers:
        - image: hello
          args: [--data=/scratch/keys]
          env:
            - {{name: FOLDER, value: {folder}}}
            - {{name: HELLO, value: "http://hello.test.svc.cluster.local/a"}}
            - {{name: SCRATCH, value: /scratch/more}}
            - {{name: SECRET, valueFrom: {{secretKeyRef: {{name: things, key: word}}}}}}
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /ready, port: http}}, periodSeconds: 1, failureThreshold: 1}}
          volumeMounts: [{{name: scratch, mountPath: /scratch}}]
      volumes: [{{name: scratch, emptyDir: {{}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: pinboard, namespace: test}}
spec:
  selector: {{app: board}}
  ports: [{{port: 8080, targetPort: http}}]
"""
SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: board, namespace: test}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: board}
  minReplicas: 2
  maxReplicas: 4
"""
FRIEND = "            - {name: FRIEND, value: 'http://pinboard.test.svc.cluster.local:8080/b'}\n"


def with_board(folder: Path, *, profile: str = "", **more: str) -> Laptop:
    board = DEPLOYMENT.format(folder=folder / "shared", replicas=1)
    return Laptop.with_service(folder, profile=profile, variables=FRIEND, min_scale=1, board=board, **more)


def test_a_deployment_and_a_function_reach_each_other(tmp_path: Path) -> None:
    with up(with_board(tmp_path)) as laptop:
        board, hello = laptop.get("board"), laptop.get("hello")
        urls = laptop.system["urls"]

    assert hello["env"]["FRIEND"] == urls["board"] + "/b"
    assert board["env"]["HELLO"] == urls["hello"] + "/a"
    assert board["env"]["SECRET"] == "hush"
    assert "K_SERVICE" not in board["env"]


def test_an_empty_folder_of_the_container_is_one_of_the_data_folder(tmp_path: Path) -> None:
    with up(with_board(tmp_path)) as laptop:
        told = laptop.get("board")
    folder = laptop.data / "volumes" / "board" / "scratch"

    assert folder.is_dir()
    assert told["env"]["SCRATCH"] == str(folder / "more")
    assert told["arguments"] == [f"--data={folder}/keys"]


def test_as_many_processes_run_as_the_autoscalers_minimum_and_share_the_requests(tmp_path: Path) -> None:
    with up(with_board(tmp_path, scaler=SCALER)) as laptop:
        pids = laptop.system["pids"]["board"]
        shown = {service["name"]: service for service in laptop.get("status", "/api/status")["services"]}

        assert len(pids) == 2
        assert (shown["board"]["desired"], shown["board"]["ready"]) == (2, 2)

        os.kill(pids[0], signal.SIGKILL)
        eventually(lambda: laptop.get("board")["pid"] == pids[1])
        eventually(lambda: len(laptop.system["pids"]["board"]) == 2)
        assert pids[0] not in laptop.system["pids"]["board"]
        pids = laptop.system["pids"]["board"]

    assert not any(is_alive(pid) for pid in pids)


def test_while_no_process_is_ready_requests_are_refused_at_once(tmp_path: Path) -> None:
    """Nobody holds them, as an activator does for a function."""
    with up(with_board(tmp_path)) as laptop:
        (laptop.shared / "unready").touch()

        def refused() -> bool:
            try:
                laptop.get("board")
            except urllib.error.HTTPError as error:
                error.close()
                return error.code == 503
            return False

        eventually(refused)
        (laptop.shared / "unready").unlink()
        eventually(lambda: not refused())


def test_one_that_ends_at_once_is_started_again_and_said_so(tmp_path: Path) -> None:
    with up(with_board(tmp_path)) as laptop:
        (laptop.shared / "refuse-to-start").touch()
        os.kill(laptop.system["pids"]["board"][0], signal.SIGKILL)
        eventually(
            lambda: laptop.output.count("board: ended with code 1: no reason to live; next start in") >= 2
        )
        (laptop.shared / "refuse-to-start").unlink()
        eventually(lambda: "board" in laptop.system["pids"] and answers(laptop))


def answers(laptop: Laptop) -> bool:
    try:
        return bool(laptop.get("board")["method"] == "GET")
    except urllib.error.HTTPError as error:
        error.close()
        return False


def test_a_worker_without_a_port_runs_too(tmp_path: Path) -> None:
    worker = DEPLOYMENT.format(folder=tmp_path / "shared", replicas=1).partition("---")[0]
    lines = [line for line in worker.splitlines() if "ports:" not in line and "readinessProbe" not in line]
    with up(Laptop.with_service(tmp_path, board="\n".join(lines))) as laptop:
        assert "board" not in laptop.system["urls"]
        assert len(laptop.system["pids"]["board"]) == 1
        shown = {service["name"]: service for service in laptop.get("status", "/api/status")["services"]}
        assert (shown["board"]["ready"], shown["board"]["url"]) == (1, None)


def test_a_companion_gives_way_to_the_manifests_and_keeps_its_name(tmp_path: Path) -> None:
    companion = (
        '[companions.friend]\ncommand = ["false"]\nurl-name = "pal"\n'
        'stands-for = "http://pinboard.test.svc.cluster.local:8080"\n'
    )
    with up(with_board(tmp_path, profile=companion)) as laptop:
        assert laptop.get("pal")["pid"] == laptop.system["pids"]["board"][0]
        assert "friend" not in laptop.system["pids"]
        assert laptop.get("hello")["env"]["FRIEND"] == laptop.system["urls"]["pal"] + "/b"
