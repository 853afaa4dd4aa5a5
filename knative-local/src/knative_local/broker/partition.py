"""Which partition a key belongs to: Kafka's own choice, so that numbers agree with a real topic."""

from __future__ import annotations

_M = 0x5BD1E995
_SEED = 0x9747B28C
_WORD = 0xFFFFFFFF


def partition_of(key: str, partitions: int) -> int:
    """The same for the same key and number of partitions, for ever: order per key rests on it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The 32-bit hash of the Java client's default partitioner, unsigned."""
    length = len(data)
    digest = _SEED ^ length
    whole = length & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _M & _WORD
        digest = digest * _M & _WORD ^ (word ^ word >> 24) * _M & _WORD
    if whole < length:
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _M & _WORD
    digest = (digest ^ digest >> 13) * _M & _WORD
    return digest ^ digest >> 15
