"""One translation of what goes wrong into a status."""

import signal

import pytest

from llcbench.run.failure import ended, failure_of, hung


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ArithmeticError("no step"), "error", "ArithmeticError: no step"),
        (SystemExit(3), "error", "SystemExit: 3"),
        (MemoryError(), "out_of_memory", "memory is used up"),
        (MemoryError("8 GB\nmore"), "out_of_memory", "8 GB"),
        (RuntimeError("[enforce] can't allocate memory: 9 bytes"), "out_of_memory", "9 bytes"),
        (RuntimeError("shapes differ"), "error", "RuntimeError: shapes differ"),
    ],
)
def test_an_exception_becomes_a_status_with_its_place(
    error: BaseException, status: str, words: str
) -> None:
    failure = failure_of(raised(error))
    assert failure.status == status
    assert words in failure.message
    assert "(test_failure.py:" in failure.message
    assert "\n" not in failure.message


def test_the_end_of_a_process_is_named() -> None:
    assert "killed by SIGKILL, as the kernel does" in ended(-signal.SIGKILL).message
    assert "killed by SIGSEGV" in ended(-signal.SIGSEGV).message
    assert "exit code 3" in ended(3).message
    assert {ended(3).status, ended(-9).status} == {"crashed"}
    assert (hung(2.5).status, "after 2.5 s" in hung(2.5).message) == ("timeout", True)
