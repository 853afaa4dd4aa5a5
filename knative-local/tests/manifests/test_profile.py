from __future__ import annotations

from pathlib import Path

import pytest

from knative_local import profile
from knative_local.errors import UsageError

from .cluster import PROFILE, plan


def read(folder: Path, text: str) -> profile.Profile:
    path = folder / "laptop.toml"
    path.write_text(text)
    return profile.read(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("manifest = []", "unknown key 'manifest', did you mean 'manifests'?"),
        (PROFILE + '[companions.other]\ncomand = ["x"]\n', "unknown key 'companions.other.comand', did you"),
        (
            PROFILE + '[autoscaler]\nstable_window = "60s"\n',
            "unknown key 'autoscaler.stable_window', did you mean",
        ),
        (
            PROFILE + "[autoscaler]\nstable-window = 60\n",
            "Expected `str`, got `int` - at `$.autoscaler.stable-window`",
        ),
        (PROFILE + '[autoscaler]\nstable-window = "60"\n', "'60' is not a duration such as 30s"),
        (
            PROFILE.replace("{postgres.url}", "{postgress.url}"),
            "secrets.database.url: nothing is known as {postgress",
        ),
        (PROFILE.replace("{port}", "{ports}"), "companions.issuer.command: nothing is known as {ports}"),
        ('hints = ["{url.x}"]\n' + PROFILE, "hints: nothing is known as {url.x}"),
        ('folder = "x"\n' + PROFILE, "unknown key 'folder'"),
        ("manifests = 3", "Expected `array`, got `int` - at `$.manifests`"),
        ("manifests = [", "Invalid value"),
        ("", "Object missing required field `manifests`"),
    ],
)
def test_a_mistake_in_the_profile_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(tmp_path, text)

    assert str(refusal.value).startswith(f"{tmp_path / 'laptop.toml'}: ")
    assert sentence in str(refusal.value)


def test_a_missing_profile_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.toml: No such file or directory"):
        profile.read(tmp_path / "nothing.toml")


def test_braces_that_hold_no_name_are_just_braces(tmp_path: Path) -> None:
    hint = """curl -d '{"title": "x"}' {urls.api}"""

    assert read(tmp_path, f"hints = ['''{hint}''']\n" + PROFILE).hints == (hint,)


@pytest.mark.parametrize("table", ["environment", "reload"])
def test_a_table_for_a_service_that_does_not_exist_is_refused(tmp_path: Path, table: str) -> None:
    value = "{}" if table == "environment" else "[]"
    with pytest.raises(UsageError, match="there is no 'helo' in the manifests, did you mean 'hello'"):
        plan(tmp_path, profile=PROFILE + f"[{table}]\nhelo = {value}\n")
