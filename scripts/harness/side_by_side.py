"""What a module's tests are about, run several at a time: a run mostly waits for the deadlines of what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

Done = TypeVar("Done")


def begin_runs(request: pytest.FixtureRequest, run: Callable[[str], Done], names: list[str], at_once: int) -> Iterator[dict[str, Future[Done]]]:
    """Of those `names` that the module's selected tests have as their parameter `name`, in the order of `names`."""
    selected = {item.callspec.params["name"] for item in request.session.items if item.path == request.path and hasattr(item, "callspec")}
    with ThreadPoolExecutor(at_once) as pool:
        yield {name: pool.submit(run, name) for name in names if name in selected}
