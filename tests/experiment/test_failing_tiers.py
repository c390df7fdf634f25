"""A tier that fails in the middle of a run: the error names the variant, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import swaptiers as st
from swaptiers.core.compile import interpreted
from swaptiers.testing import nothing_left
from swaptiers.tiers.file import FileTier
from swaptiers.tiers.zswap import ZswapTier

CONFIG = """\
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 128K}
  disk: {kind: file, capacity: 8M, path: disk.swap}
edges: [{from: zswap, to: disk, when: {pressure: true}}]
cgroups: {/web: {memory.max: 400K}}
workloads: [{cgroup: /web, kind: zipf, pages: 600, refs: 4000, contents: text}]
variants:
  large: {cgroups: {/web: {memory.max: max}}}
  small: {}
"""


@pytest.mark.parametrize(
    ("kind", "call", "error", "says"),
    [
        (FileTier, "load" if interpreted() else "load_rows", OSError(5, "Input/output error"), "Input/output error"),
        (FileTier, "store", OSError(28, "No space left on device"), "No space left on device"),
        (FileTier, "close", OSError(5, "Input/output error"), "Input/output error"),
        (ZswapTier, "load", MemoryError(), "not enough memory"),
    ],
)
def test_a_tier_that_fails_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, call: str, error: BaseException, says: str
) -> None:
    """A traceback without the variant's name, a swap file with a name, or a descriptor that stays open."""
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    good, calls = getattr(kind, call), 0

    def failing(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if call == "close":
            good(self)
        elif calls < 3:
            return good(self, *arguments)
        raise error

    monkeypatch.setattr(kind, call, failing)
    with nothing_left(tmp_path), pytest.raises(st.ExperimentError, match=says) as caught:
        st.run(tmp_path / "tiny.yaml")
    assert str(caught.value).startswith("variant small: " if call != "close" else "variant large: ")
    assert calls >= (1 if call == "close" else 3)
    monkeypatch.undo()
    with nothing_left(tmp_path):
        assert set(st.run(tmp_path / "tiny.yaml").variants) == {"large", "small"}
