"""Requests that come together: one group while another is worked on, each with its own answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from gateway.rest.loop.together import GROUP, Together


def test_those_that_come_meanwhile_are_the_next_group() -> None:
    groups: list[list[int]] = []
    go = threading.Event()

    def work(asked: Sequence[int]) -> list[int | BaseException]:
        groups.append(list(asked))
        assert go.wait(10)
        return [ValueError(str(one)) if one % 10 == 3 else one * 2 for one in asked]

    async def all_of(count: int) -> list[int | BaseException]:
        together: Together[int, int] = Together(work)
        first = asyncio.create_task(together.answer(0))
        while not groups:
            await asyncio.sleep(0)
        others = [asyncio.create_task(together.answer(number)) for number in range(1, count)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    answers = asyncio.run(all_of(GROUP + 5))
    assert [len(group) for group in groups] == [1, GROUP, 4]
    for number, answer in enumerate(answers):
        assert str(answer) == str(number if number % 10 == 3 else number * 2)


def test_who_gives_up_disturbs_nobody() -> None:
    go = threading.Event()

    def work(asked: Sequence[str]) -> list[str | BaseException]:
        assert go.wait(10)
        return list(asked)

    async def one_of_two() -> str:
        together: Together[str, str] = Together(work)
        waiting = [asyncio.create_task(together.answer(name)) for name in ("a", "b")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        return await waiting[1]

    assert asyncio.run(one_of_two()) == "b"


def test_a_failure_is_everybodys_in_the_group() -> None:
    def work(_asked: Sequence[str]) -> list[str | BaseException]:
        raise KeyError("all")

    async def ask() -> str:
        return await Together(work).answer("a")

    with pytest.raises(KeyError):
        asyncio.run(ask())


def test_who_was_just_answered_finds_company_again() -> None:
    groups: list[int] = []

    def work(asked: Sequence[int]) -> list[int | BaseException]:
        groups.append(len(asked))
        return list(asked)

    async def one_after_another(together: Together[int, int], turns: int) -> None:
        for number in range(turns):
            assert await together.answer(number) == number

    async def all_of(clients: int, turns: int) -> None:
        together: Together[int, int] = Together(work)
        await asyncio.gather(*(one_after_another(together, turns) for _ in range(clients)))

    asyncio.run(all_of(8, 5))
    assert groups == [8] * 5
    groups.clear()
    asyncio.run(all_of(1, 3))
    assert groups == [1] * 3
