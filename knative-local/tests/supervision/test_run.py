from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from knative_local.process_table import is_alive

from .laptop import EVENTING, JOB, SCRIPT, Laptop, eventually, never_left_behind, up


def job(name: str, script: str) -> str:
    return JOB.format(name=name, script=script)


def test_the_system_file_tells_everything_and_is_gone_when_the_system_is_down(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING)
    with up(laptop):
        system = laptop.system
        assert system.keys() == {"pid", "urls", "database_url", "pids"}
        assert laptop.process is not None
        assert system["pid"] == laptop.process.pid
        assert system["urls"].keys() == {"hello", "broker", "status"}
        assert system["urls"]["broker"].endswith("/test/events")
        assert system["database_url"] is None
        assert {name: len(pids) for name, pids in system["pids"].items()} == {"broker": 1, "hello": 1}
        assert all(is_alive(pid) for pid in laptop.pids())
        pids = laptop.pids()

    assert not (laptop.data / "system.json").exists()
    assert not any(is_alive(pid) for pid in pids)


def test_output_to_a_pipe_is_plain_lines(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    with up(laptop):
        url = laptop.system["urls"]["hello"]
        eventually(lambda: f"curl {url}" in laptop.output)

    assert "hello ready" in laptop.output
    assert str(laptop.data / "logs") in laptop.output
    assert "\x1b" not in laptop.output


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with never_left_behind(Laptop.with_service(tmp_path, eventing=EVENTING)) as laptop:
        laptop.start()
        pids = laptop.pids()

        assert laptop.stop(signal.SIGINT) == 0
        assert not any(is_alive(pid) for pid in pids)


def test_ctrl_c_while_it_starts_stops_what_has_started(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING, slow=job("slow", "sleep 60"))
    record = laptop.data / "processes.json"
    with never_left_behind(laptop):
        laptop.start(ready=False)
        eventually(lambda: record.exists() and "slow" in record.read_text())
        recorded = json.loads(record.read_text())

        assert laptop.stop(signal.SIGINT) == 0
        assert not any(is_alive(pid) for pids in recorded.values() for pid in pids)


def test_kill_9_of_the_supervisor_leaves_no_process(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING, profile="[postgres]\n")
    with never_left_behind(laptop):
        laptop.start()
        pids = laptop.pids()
        assert laptop.system["pids"].keys() == {"broker", "hello", "postgres"}
        laptop.stop(signal.SIGKILL)
        eventually(lambda: not any(is_alive(pid) for pid in pids))

    with up(laptop):  # and the same folder works again
        assert laptop.get("hello")["method"] == "GET"


def test_a_killed_process_comes_back_and_the_system_file_follows(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path, eventing=EVENTING, profile="[postgres]\n")) as laptop:
        before = laptop.system
        for pid in laptop.pids():
            os.kill(pid, signal.SIGKILL)

        def replaced() -> bool:
            now = laptop.system["pids"]
            return all(now.get(name) and now[name] != pids for name, pids in before["pids"].items())

        eventually(replaced)
        assert laptop.system["urls"] == before["urls"]
        assert laptop.system["database_url"] == before["database_url"]
        assert laptop.get("hello")["method"] == "GET"


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_process_comes_back_while_the_data_folder_cannot_be_written(tmp_path: Path) -> None:
    """The records on disk are late then, and follow by themselves."""
    with up(Laptop.with_service(tmp_path)) as laptop:
        url, (first,) = laptop.system["urls"]["hello"], laptop.system["pids"]["hello"]
        unlimited = resource.prlimit(laptop.system["pid"], resource.RLIMIT_FSIZE)
        resource.prlimit(laptop.system["pid"], resource.RLIMIT_FSIZE, (0, unlimited[1]))
        os.kill(first, signal.SIGKILL)

        def told() -> int:
            with urllib.request.urlopen(url) as response:
                pid: int = json.loads(response.read())["pid"]
            return pid

        eventually(lambda: told() != first)
        assert laptop.system["pids"]["hello"] == [first]

        resource.prlimit(laptop.system["pid"], resource.RLIMIT_FSIZE, unlimited)
        eventually(lambda: laptop.system["pids"]["hello"] == [told()])


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    laptop.data = tmp_path / "laptop.toml" / "data"

    assert laptop.refused() == (2, f"knative-local: {laptop.data} cannot be used: Not a directory")


def test_a_data_folder_in_which_a_file_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    with up(laptop):
        pass
    contract = laptop.data / "contract.tmp"
    contract.mkdir()

    code, said = laptop.refused()

    assert (code, said) == (2, f"knative-local: {contract} cannot be written: Is a directory")


def test_a_function_goes_from_zero_to_one_and_back(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path, min_scale=0)) as laptop:
        eventually(lambda: "hello" not in laptop.system["pids"])
        (service,) = laptop.get("status", "/api/status")["services"]
        assert (service["desired"], service["ready"]) == (0, 0)

        first = laptop.get("hello")["pid"]
        assert laptop.system["pids"]["hello"] == [first]

        eventually(lambda: "hello" not in laptop.system["pids"])
        assert (laptop.shared / f"stopped-{first}").exists()


def test_jobs_run_before_the_services_and_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the other, so they end only together; neither may find that a service has started."""

    def meeting(mine: str, other: str) -> str:
        waiting = f"touch {tmp_path}/{mine}; until [ -e {tmp_path}/{other} ]; do sleep 0.01; done"
        return job(mine, f"{waiting}; ls {tmp_path}/shared > {tmp_path}/{mine}")

    laptop = Laptop.with_service(tmp_path, one=meeting("one", "two"), two=meeting("two", "one"))
    with up(laptop):
        assert laptop.get("hello")["method"] == "GET"

    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["", ""]


def test_a_job_that_fails_ends_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, broken=job("broken", "echo the table is gone >&2; exit 3"))

    assert laptop.refused() == (1, "knative-local: Job broken failed with code 3: the table is gone")
    assert list(laptop.shared.iterdir()) == []


def test_a_companion_that_does_not_come_up_ends_the_start(tmp_path: Path) -> None:
    companion = (
        '[companions.friend]\ncommand = ["sh", "-c", "echo no {port}"]\nstands-for = "http://a.b.svc"\n'
    )
    code, said = Laptop.with_service(tmp_path, profile=companion).refused()

    assert code == 1
    assert said.startswith("knative-local: friend ended: no ")


def test_a_companion_is_where_its_cluster_url_leads(tmp_path: Path) -> None:
    companion = f"""
[companions.friend]
command = ["{sys.executable}", "-m", "http.server", "--bind", "127.0.0.1", "{{port}}"]
stands-for = "http://friend.test.svc.cluster.local"
url-name = "pal"
"""
    variables = "            - {name: FRIEND, value: 'http://friend.test.svc.cluster.local/a'}\n"
    with up(Laptop.with_service(tmp_path, profile=companion, variables=variables)) as laptop:
        assert laptop.get("hello")["env"]["FRIEND"] == laptop.system["urls"]["pal"] + "/a"


def test_secrets_reach_the_process_and_the_shell_of_the_developer_does_not(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path)) as laptop:
        environment = laptop.get("hello")["env"]

    assert environment["SECRET"] == "hush"
    assert "PYTEST_CURRENT_TEST" not in environment


def test_two_systems_run_side_by_side(tmp_path: Path) -> None:
    first, second = Laptop.with_service(tmp_path / "a"), Laptop.with_service(tmp_path / "b")
    with up(first), up(second):
        assert set(first.system["urls"].values()).isdisjoint(second.system["urls"].values())
        assert first.get("hello")["pid"] != second.get("hello")["pid"]


def test_a_second_system_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path)) as laptop:
        assert laptop.refused() == (2, f"knative-local: {laptop.data} is in use by another knative-local")
        assert laptop.get("hello")["method"] == "GET"


def free_run_of_ports(count: int) -> int:
    """The first of some consecutive free ports, below those the system gives to clients."""
    while True:
        first = random.randrange(10_000, 30_000)
        with contextlib.suppress(OSError):
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
            return first


def test_a_given_port_is_the_first_services_and_the_others_follow(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING)
    first = free_run_of_ports(6)
    with up(laptop, "--port", str(first)):
        urls = laptop.system["urls"]

    assert urls["hello"] == f"http://127.0.0.1:{first}"
    assert urls["broker"] == f"http://127.0.0.1:{first + 1}/test/events"
    assert urls["status"] == f"http://127.0.0.1:{first + 2}"


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, offset: int) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING)
    first = free_run_of_ports(6)
    with socket.create_server(("127.0.0.1", first + offset)):
        assert laptop.refused("--port", str(first)) == (
            2,
            f"knative-local: port {first + offset} cannot be used: Address already in use",
        )


def test_fresh_forgets_what_was_and_nothing_else_does(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, eventing=EVENTING)
    marker = laptop.data / "broker" / "marker"
    with up(laptop):
        marker.touch()
    with up(laptop):
        assert marker.exists()
    with up(laptop, "--fresh"):
        assert not marker.exists()


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    laptop.data.mkdir()
    (laptop.data / "thesis.txt").write_text("two years")

    assert laptop.refused("--fresh") == (
        2,
        f"knative-local: {laptop.data} is neither empty nor a folder of knative-local",
    )
    assert (laptop.data / "thesis.txt").read_text() == "two years"


def test_a_changed_source_restarts_the_service(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path, profile='[reload]\nhello = ["source"]\n')
    (tmp_path / "source").mkdir()
    with up(laptop, "--reload"):
        (before,) = laptop.system["pids"]["hello"]
        (tmp_path / "source" / "module.py").write_text("changed = True\n")
        eventually(lambda: laptop.system["pids"].get("hello") not in (None, [before], []))

        assert laptop.get("hello")["pid"] != before


def test_a_bad_manifest_is_one_line_with_its_place(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    file = tmp_path / "manifests" / "hello.yaml"
    file.write_text(file.read_text().replace("timeoutSeconds", "timeoutSecond"))

    code, said = laptop.refused()

    assert code == 2
    assert said == (
        f"knative-local: {file}:14: spec.template.spec.timeoutSecond: "
        "unknown field 'timeoutSecond', did you mean 'timeoutSeconds'?"
    )
    assert not laptop.data.exists()


def test_explain_lists_what_has_no_effect_and_starts_nothing(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    file = tmp_path / "manifests" / "hello.yaml"
    file.write_text(file.read_text().replace("        - image", "        - resources: {}\n          image"))
    done = subprocess.run(laptop.command("--explain"), capture_output=True, text=True, check=True)

    assert done.stdout.startswith("1 without effect")
    assert f"{file}:16  spec.template.spec.containers[0].resources" in done.stdout
    assert not laptop.data.exists()


def test_folders_on_the_command_line_replace_those_of_the_profile(tmp_path: Path) -> None:
    laptop = Laptop.with_service(tmp_path)
    code, said = laptop.refused(str(tmp_path / "nowhere"))

    assert (code, said) == (2, f"knative-local: {tmp_path / 'nowhere'}: no such manifest folder")


@pytest.mark.parametrize("arguments", [["run", "--port", "x"], ["run", "--prot", "1"], ["runn"], []])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_given_database_is_used_and_not_touched(tmp_path: Path) -> None:
    profile = "[postgres]\n[secrets.database]\nurl = '{postgres.url}'\ndirect = '{postgres.direct-url}'\n"
    reference = (
        "            - {{name: {name}, valueFrom: {{secretKeyRef: {{name: database, key: {key}}}}}}}\n"
    )
    variables = reference.format(name="URL", key="url") + reference.format(name="DIRECT", key="direct")
    laptop = Laptop.with_service(tmp_path, profile=profile, variables=variables)
    given = {"DATABASE_URL": "postgresql://pooled/x", "DATABASE_DIRECT_URL": "postgresql://direct/x"}
    with up(laptop, environment=given):
        environment = laptop.get("hello")["env"]
        assert (environment["URL"], environment["DIRECT"]) == tuple(given.values())
        assert laptop.system["database_url"] == given["DATABASE_URL"]
        assert "postgres" not in laptop.system["pids"]


@pytest.fixture(scope="module")
def status_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with up(Laptop.with_service(tmp_path_factory.mktemp("status"))) as laptop:
        yield laptop.system["urls"]["status"]


def test_the_status_page_and_its_api_show_the_same(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path, eventing=EVENTING)) as laptop:
        url = laptop.system["urls"]["status"]
        with urllib.request.urlopen(url) as response:
            page = response.read().decode()
        told = laptop.get("status", "/api/status")

        assert "<td>events</td>" in page
        assert [service["name"] for service in told["services"]] == ["hello"]
        assert told["broker_is_up"]
        assert [(trigger["name"], trigger["lag"]) for trigger in told["triggers"]] == [("hello", 0)]
        assert told["topics"][0]["name"] == "knative-broker-test-events"


def test_the_records_of_a_topic_can_be_read_in_pages(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path, eventing=EVENTING)) as laptop:
        for number in range(3):
            headers = {"ce-specversion": "1.0", "ce-id": str(number), "ce-source": "/t", "ce-type": "t"}
            request = urllib.request.Request(laptop.system["urls"]["broker"], b"{}", headers, method="POST")
            request.add_header("content-type", "application/json")
            urllib.request.urlopen(request).close()
        topic = "/api/topics/knative-broker-test-events/records"
        first = laptop.get("status", f"{topic}?limit=2")["records"]
        rest = laptop.get("status", f"{topic}?after={first[-1]['position']}")["records"]

        assert [record["attributes"]["id"] for record in first + rest] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/api/status", 405),
        ("GET", "/api/topics/t/records?after=x", 400),
        ("GET", "/api/topics/t/records?limit=-1", 400),
    ],
)
def test_the_status_server_refuses_what_it_does_not_understand(
    status_url: str, method: str, path: str, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(status_url + path, method=method))

    refusal.value.close()
    assert refusal.value.code == status
    assert refusal.value.headers["Content-Type"] == "application/problem+json"


def test_triggers_are_shown_without_numbers_while_the_broker_is_down(tmp_path: Path) -> None:
    with up(Laptop.with_service(tmp_path, eventing=EVENTING)) as laptop:
        (pid,) = laptop.system["pids"]["broker"]
        os.kill(pid, signal.SIGSTOP)
        told = laptop.get("status", "/api/status")
        os.kill(pid, signal.SIGCONT)

    assert not told["broker_is_up"]
    assert [(trigger["name"], trigger["lag"]) for trigger in told["triggers"]] == [("hello", None)]
