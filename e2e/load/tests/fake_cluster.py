"""A kubectl whose proxy answers what its folder holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FAKE = """#!{python}
import http.server, pathlib, socketserver, sys

FOLDER = pathlib.Path(__file__).parent
if (FOLDER / "broken").exists():
    sys.exit("error: invalid configuration")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        (FOLDER / "path").write_text(self.path)
        answer = FOLDER / "answer.json"
        body = answer.read_bytes() if answer.exists() else b"404 page not found"
        self.send_response(200 if answer.exists() else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "client"

with socketserver.UnixStreamServer(sys.argv[2].removeprefix("--unix-socket="), Handler) as server:
    print("Starting to serve on", sys.argv[2], flush=True)
    server.serve_forever()
"""


def fake_kubectl(folder: Path, *revisions: dict[str, Any]) -> Path:
    """Without revisions it answers as a cluster without Knative."""
    kubectl = folder / "kubectl"
    kubectl.write_text(FAKE.format(python=sys.executable))
    kubectl.chmod(0o755)
    if revisions:
        (folder / "answer.json").write_text(json.dumps({"items": revisions}))
    return kubectl


def revision(
    service: str, status: dict[str, int], *, minimum: str = "0", used: bool = True
) -> dict[str, Any]:
    """A PodAutoscaler, as far as it is read."""
    return {
        "metadata": {
            "name": f"{service}-00001",
            "labels": {"serving.knative.dev/service": service},
            "annotations": {"autoscaling.knative.dev/min-scale": minimum},
        },
        "spec": {"reachability": "Reachable" if used else "Unreachable"},
        "status": status,
    }
