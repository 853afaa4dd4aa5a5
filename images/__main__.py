"""Build the container images, or pin the image they stand on."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from images import base, dockerfiles, engines, origin, sbom
from images.errors import ImagesError, UsageError

ROOT = dockerfiles.ROOT


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _base_digest(options: argparse.Namespace) -> None:
    print(f"Pinned: {base.pin(options.root, options.base_tag)}")


def _build(options: argparse.Namespace) -> None:
    chosen = _chosen(options.image)
    registry, tag = _names(options)
    secret = _existing(options.pip_conf)
    standing_on = _base(options.base)
    engine = engines.find(options.engine)
    arguments = {
        "PYTHON_IMAGE": str(standing_on),
        "SOURCE": origin.source(ROOT),
        "VERSION": tag,
        "REVISION": origin.revision(ROOT),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for image in chosen:
        build = engines.Build(
            dockerfile=dockerfiles.paths()[image],
            context=ROOT,
            reference=f"{registry}/{image}:{tag}",
            arguments=arguments,
            secret=secret,
            options=shlex.split(options.args),
        )
        engines.run(engine, build)
        bill = options.out / f"{image}.cdx.json"
        bill.write_text(sbom.document(image, tag, standing_on))
        print(f"Built {build.reference} with {engine}; its parts are listed in {bill}.", flush=True)


def _chosen(image: str) -> list[str]:
    known = list(dockerfiles.paths())
    if image and image not in known:
        raise UsageError(f"IMAGE must be one of {', '.join(known)}, not {image!r}.")
    return [image] if image else known


def _names(options: argparse.Namespace) -> tuple[str, str]:
    """Registry and tag; without any, those of the chart, so that its rendered files name what was built."""
    chart = yaml.safe_load((ROOT / "helm/task-system/values.yaml").read_text())["image"]
    registry, tag = options.registry or chart["registry"], options.tag or chart["tag"]
    if not re.fullmatch(r"(?!latest$)\w[\w.-]{0,127}", tag):
        raise UsageError(f"TAG cannot be {tag!r}: the chart takes a fixed tag, and never latest.")
    return registry.rstrip("/"), tag


def _existing(pip_conf: str) -> Path | None:
    if pip_conf and not Path(pip_conf).is_file():
        raise UsageError(f"PIP_CONF: there is no file {pip_conf}.")
    return Path(pip_conf).resolve() if pip_conf else None


def _base(reference: str) -> base.Base:
    if not reference:
        return base.read()
    match = re.fullmatch(r"(\S+?):(\d+\.\d+[\w.-]*)(?:@(sha256:[0-9a-f]{64}))?", reference)
    if not match:
        raise UsageError(
            f"BASE must have a tag that starts with Python's version, like python:3.13.0-slim: {reference!r}."
        )
    return base.Base(match[1], match[2], match[3] or "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="images", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build every image, and a bill of materials for each")
    build.add_argument("--engine", default="", help="docker, podman or buildah (default: the first there)")
    build.add_argument("--image", default="", help="only this one")
    build.add_argument("--registry", default="", help="what stands before the names (default: the chart's)")
    build.add_argument("--tag", default="", help="(default: the chart's)")
    build.add_argument("--base", default="", help="another base image (default: that of versions.toml)")
    build.add_argument("--pip-conf", default="", help="pip's configuration, for the build only")
    build.add_argument("--args", default="", help="further arguments of the engine, as one string")
    build.add_argument(
        "--out", type=Path, default=Path("dist"), help="folder of the bills (default: %(default)s)"
    )
    build.set_defaults(run=_build)

    digest = commands.add_parser("base-digest", help="look up the digest of the base image and write it down")
    digest.add_argument("--base-tag", default="", help="move to this tag (default: that of versions.toml)")
    digest.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    digest.set_defaults(run=_base_digest)
    return parser


if __name__ == "__main__":
    sys.exit(main())
