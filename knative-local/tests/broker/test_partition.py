from __future__ import annotations

import pytest

from knative_local.broker.partition import murmur2, partition_of


# The vectors of Kafka's own unit test (org.apache.kafka.common.utils.UtilsTest.testMurmur2).
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_is_the_one_of_the_java_client(key: str, signed: int) -> None:
    assert murmur2(key.encode()) == signed & 0xFFFFFFFF


def test_every_key_has_a_partition_and_many_keys_use_all_of_them() -> None:
    assert {partition_of(str(number), 10) for number in range(1000)} == set(range(10))


def test_the_empty_key_is_a_key() -> None:
    assert partition_of("", 10) == partition_of("", 10)
