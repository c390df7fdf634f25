"""The stores' job: every peer does the same, and what it gives back is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.peers import PEERS, Pages
from bench.rows import UnavailableError
from bench.store_rows import BUDGET_BYTES, Job, Swaptiers

STORES = {"swaptiers": Swaptiers, **PEERS}


class Dict:
    """The simplest store, with a mistake in it if wanted."""

    def __init__(self, mistake: str = "") -> None:
        self.pages: dict[int, bytes] = {}
        self.mistake = mistake

    def put(self, pages: Pages) -> None:
        if self.mistake == "keeps the first" and len(pages) == 1:
            return
        self.pages.update(pages)

    def get(self, number: int) -> bytes:
        page = self.pages[number]
        return self.pages[0] if self.mistake == "always the same" else page

    def close(self) -> None:
        self.pages = {}


@pytest.mark.parametrize("name", STORES)
def test_every_store_gives_back_what_was_put_last(name: str, tmp_path: Path) -> None:
    """A peer that keeps old pages, or an adapter that mixes keys up, would be timed at something else than the job."""
    job = Job.make(512, None)
    try:
        store = STORES[name](tmp_path, BUDGET_BYTES)
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        job.run(store)
        job.check(store)
    finally:
        store.close()


def test_what_does_not_fit_the_budget_goes_to_the_log(tmp_path: Path) -> None:
    """Ours would be fast without its budget."""
    job = Job.make(512, None)
    store = Swaptiers(tmp_path, 256 << 10)
    try:
        job.run(store)
        tiers = store._swap.stats().tiers
        assert 0 < tiers["zswap"].peak_pool_bytes < 320 << 10  # a refusal comes after the page that went over
        assert tiers["log"].entries > 100
        assert tiers["log"].loads > 0
        job.check(store)
        assert len(store._swap) == 512
    finally:
        store.close()


def test_the_job_is_what_it_says() -> None:
    """As many gets as puts, skewed, one in ten of them followed by a rewrite with other bytes."""
    job = Job.make(640, None)
    assert [len(batch) for batch in job.puts] == [64] * 10
    numbers = [number for number, _ in job.gets]
    assert len(numbers) == 640
    assert len(set(numbers)) < 500
    assert sum(written for _, written in job.gets) == 64
    first = {number: page for batch in job.puts for number, page in batch}
    assert all(page != first[number] for number, page in job.rewrites.items())
    assert sorted(first) == list(range(640))


@pytest.mark.parametrize(("mistake", "words"), [("always the same", "another page"), ("keeps the first", "changed")])
def test_a_wrong_store_is_found(mistake: str, words: str) -> None:
    """The comparison compares."""
    job, store = Job.make(256, None), Dict(mistake)
    with pytest.raises(RuntimeError, match=words):
        job.run(store)
        job.check(store)
