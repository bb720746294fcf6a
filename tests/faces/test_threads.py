"""What several threads do comes out as one after the other would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
import torch

from kssgan.faces.threads import in_order


def _slowly(number: int, met: set[str]) -> list[bytes]:
    time.sleep(0.02 * (number % 3 == 0))
    met.add(threading.current_thread().name)
    return [bytes([number])]


def _tasks(met: set[str]) -> list[Callable[[], list[bytes]]]:
    return [partial(_slowly, number, met) for number in range(12)]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_keep_their_order(threads: int) -> None:
    met: set[str] = set()
    assert list(in_order(_tasks(met), threads=threads)) == [[bytes([n])] for n in range(12)]
    assert (threading.current_thread().name in met) == (threads == 1)


def test_an_error_ends_it_and_the_number_of_threads_stays() -> None:
    def broken() -> list[bytes]:
        raise ZeroDivisionError

    before = torch.get_num_threads()
    met: set[str] = set()
    with pytest.raises(ZeroDivisionError):
        list(in_order([*_tasks(met)[:2], broken, *_tasks(met) * 20], threads=2))
    assert torch.get_num_threads() == before
