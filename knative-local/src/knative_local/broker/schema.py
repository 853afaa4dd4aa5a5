"""The tables of `log.sqlite` and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from knative_local.errors import UsageError

FILE = "log.sqlite"
VERSION = 1

# `position` counts over all topics and is never used twice: a page of records goes on after it.
# `start` outlives the records that retention deletes, so that an offset is never given twice either.
_TABLES = """
CREATE TABLE topic (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE partition (
    topic INTEGER NOT NULL REFERENCES topic,
    number INTEGER NOT NULL,
    start INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, number)
) WITHOUT ROWID;
CREATE TABLE record (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    time INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    data BLOB,
    UNIQUE (topic, partition, offset)
);
CREATE TABLE committed (
    consumer_group TEXT NOT NULL,
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition)
) WITHOUT ROWID;
"""
_BUSY_SECONDS = 2.0


def open_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes: what it has committed is on disk (FULL), not only in a cache."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "journal_size_limit = 16777216"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_reading(path: Path) -> sqlite3.Connection:
    """Cannot change a record; raises `sqlite3.OperationalError` where there is no file."""
    # Not mode=ro: a WAL database whose writer is gone can only be opened by one who may recover it.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_BUSY_SECONDS, check_same_thread=False
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def prepare(path: Path, topics: Mapping[str, int]) -> None:
    """Create what is missing; as in Kafka a topic may get more partitions, never fewer."""
    connection = open_writing(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        _create_tables(connection, path)
        for name, partitions in topics.items():
            connection.execute("INSERT OR IGNORE INTO topic (name) VALUES (?)", (name,))
            connection.executemany(
                "INSERT OR IGNORE INTO partition (topic, number) SELECT id, ? FROM topic WHERE name = ?",
                [(number, name) for number in range(partitions)],
            )
        connection.execute("COMMIT")
    finally:
        connection.close()


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise UsageError(
            f"{path} was written by another version of knative-local: start with an empty folder"
        )
    if version == 0:
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION:d}")
