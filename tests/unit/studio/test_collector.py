"""Cycles are collected rarely while a batch is at work, and as before after it."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from studio.collector import rare_collections


class _Node:
    def __init__(self) -> None:
        self.other = self


def test_what_was_set_before_comes_back_with_the_last_of_several() -> None:
    before = gc.get_threshold()
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    rarely = gc.get_threshold()
    assert rarely[0] > 10 * before[0] > 0
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == rarely
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_many_threads_leave_it_as_it_was() -> None:
    before = gc.get_threshold()

    def work() -> None:
        for _ in range(200):
            with rare_collections():
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert gc.get_threshold() == before


def test_cycles_are_collected_all_the_same() -> None:
    with rare_collections():
        lost = weakref.ref(_Node())
        kept = [[number] for number in range(gc.get_threshold()[0] * 3)]
        assert lost() is None
    assert kept


def test_an_error_leaves_it_as_it_was() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), rare_collections():
        print(1 / 0)
    assert gc.get_threshold() == before
