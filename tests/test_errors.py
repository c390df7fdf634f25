"""Errors: each is also the builtin that a caller expects, and survives the way to another process."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from swaptiers import errors
from swaptiers.errors import (
    BusyEntryError,
    ClosedError,
    ConfigError,
    ControlFileError,
    CoreFullError,
    CorruptEntryError,
    ExperimentError,
    ForkedError,
    GraphError,
    IntegrityError,
    MountError,
    PolicyError,
    ResultError,
    StaleEntryError,
    StoreRefusedError,
    SwapTiersError,
    TierBusyError,
    TierIOError,
)
from swaptiers.graph import TierGraphError
from swaptiers.tiers.room import RoomError

EXAMPLES: dict[SwapTiersError, type[Exception]] = {
    ConfigError("bad", file="f.yaml", line=2, column=3): ValueError,
    GraphError("a cycle"): ValueError,
    TierGraphError("unreachable", edge_index=1, tier="ssd"): ValueError,
    StaleEntryError(5, "entry 5 is gone"): KeyError,
    BusyEntryError(5, "entry 5 is being taken"): RuntimeError,
    CorruptEntryError(5, "ssd", 7): OSError,
    StoreRefusedError(np.array([0, 9], np.uint64), {"tier full": 1}, "/web"): OSError,
    TierIOError("ssd", "write", OSError(28, "No space left on device"), "the pages are in zswap"): OSError,
    ClosedError("closed"): ValueError,
    ForkedError(1, 2): ValueError,
    PolicyError("lazy", "a->b", ValueError("no")): RuntimeError,
    CoreFullError("full"): MemoryError,
    IntegrityError("a page changed"): RuntimeError,
    PolicyError("module:Class", "zswap->ssd", ValueError("twice")): RuntimeError,
    TierBusyError("ssd", 3, {"tier_full": 2}): RuntimeError,
    ExperimentError("variant a: no room"): RuntimeError,
    ResultError("summary.json: of another run"): ValueError,
    RoomError("ssd wants 2G, and there is 1G", "ssd", "capacity"): ValueError,
    ControlFileError(11, "less than was asked for", "/web/memory.reclaim"): OSError,
    ControlFileError(22, "no size"): OSError,
    MountError("install fuse3"): RuntimeError,
}


def test_every_error_is_here() -> None:
    """One that is forgotten here would be tested by nothing below."""
    there = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, SwapTiersError)}
    assert there - {SwapTiersError} <= {type(error) for error in EXAMPLES}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_the_way_to_another_process(error: SwapTiersError) -> None:
    """With --jobs 2 an error that can't be unpickled would look like a process that died."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert getattr(again, "errno", None) == getattr(error, "errno", None)
        assert vars(again).keys() == vars(error).keys()
        for name, value in vars(error).items():
            assert np.array_equal(vars(again)[name], value)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_each_is_the_builtin_that_a_caller_expects(error: SwapTiersError) -> None:
    """`except KeyError` around a swap-in is what a Python programmer writes first; the text is one plain sentence."""
    assert isinstance(error, EXAMPLES[error])
    assert str(error)
    assert "\n" not in str(error)
    assert not str(error).startswith(("'", '"', "("))


def test_where_a_config_error_stands() -> None:
    """FILE:LINE:COLUMN, as far as they are known."""
    assert str(ConfigError("bad", file="f", line=2, column=3)) == "f:2:3: bad"
    assert str(ConfigError("bad", file="f", line=2)) == "f:2:1: bad"
    assert str(ConfigError("bad", file="f")) == "f: bad"
    assert str(ConfigError("bad")) == "bad"
