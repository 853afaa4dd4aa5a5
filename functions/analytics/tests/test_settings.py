from __future__ import annotations

import pytest

from analytics.errors import InvalidSetting
from analytics.settings import Settings, read_settings

URL = "postgresql://task@database/tasks"


def test_only_the_database_has_to_be_given() -> None:
    assert read_settings({"DATABASE_URL": URL}) == Settings(database_url=URL, database_direct_url=URL)


def test_an_empty_variable_is_an_absent_one() -> None:
    given = {"DATABASE_URL": URL, "DATABASE_DIRECT_URL": "", "PORT": "", "LOG_LEVEL": ""}
    assert read_settings(given) == Settings(database_url=URL, database_direct_url=URL)


def test_every_setting_can_be_given() -> None:
    given = {
        "DATABASE_URL": URL,
        "DATABASE_DIRECT_URL": "postgresql://direct",
        "HOST": "127.0.0.1",
        "PORT": "9000",
        "LOG_LEVEL": "warning",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "ANYTHING": "else",
    }
    assert read_settings(given) == Settings(
        database_url=URL,
        database_direct_url="postgresql://direct",
        host="127.0.0.1",
        port=9000,
        log_level="WARNING",
        otel_exporter_otlp_endpoint="http://collector:4318",
    )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "DATABASE_URL"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": URL, "PORT": "-1"}, "PORT"),
        ({"DATABASE_URL": URL, "PORT": "٣"}, "PORT"),
        ({"DATABASE_URL": URL, "LOG_LEVEL": "TRACE"}, "LOG_LEVEL"),
        (
            {"DATABASE_URL": URL, "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str], name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        read_settings(given)
