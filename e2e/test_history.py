from __future__ import annotations

from e2e.history import Verdict, judge


def test_a_correct_history_has_no_fault() -> None:
    assert judge([(1, 1)], [(1, 1), (1, 2)], [(1, 2), (1, 1)]).correct


def test_each_fault_is_found() -> None:
    verdict = judge(
        acknowledged=[(1, 1), (9, 1)],
        committed=[(1, 1), (2, 1), (3, 1)],
        counted=[(1, 1), (3, 1), (3, 1), (4, 1)],
    )

    assert verdict == Verdict(lost=[(9, 1)], without_event=[(2, 1)], twice=[(3, 1)], phantom=[(4, 1)])
