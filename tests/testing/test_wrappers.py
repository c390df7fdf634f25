"""The wrappers do what they say, so that the tests that rely on them mean something."""

from __future__ import annotations

import errno
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest

from swaptiers.testing import Call, Fault, FaultyTier, SeededFaults, SlowTier, TracingTier
from swaptiers.testing.faults import HONEST, OPERATIONS, POSSIBLE
from swaptiers.tiers.memory import MemoryTier

PAGE = 4096
SLOTS = np.array([5, 1, 9, 2], np.int64)
LENGTHS = np.full(4, PAGE, np.int32)
OLD = [bytes([i]) * PAGE for i in range(4)]
NEW = [bytes([0x80 + i]) * PAGE for i in range(4)]


def tier_with_old() -> MemoryTier:
    tier = MemoryTier("far", 256, PAGE)
    tier.store(SLOTS, [*OLD])
    return tier


def held(tier: Any) -> list[bytes]:
    return [bytes(page) for page in tier.load(SLOTS, LENGTHS)]


def struck(fault: Fault) -> tuple[list[bytes], type[BaseException] | None]:
    """What the slots hold after a store that the fault struck, and what it raised."""
    tier = tier_with_old()
    raised = None
    try:
        FaultyTier(tier, [fault]).store(SLOTS, [*NEW])
    except (OSError, MemoryError) as error:
        raised = type(error)
    return held(tier), raised


@pytest.mark.parametrize(
    ("kind", "raises", "stored"),
    [
        ("error", OSError, OLD),
        ("memory", MemoryError, OLD),
        ("short", OSError, [*NEW[:2], *OLD[2:]]),
        ("torn", OSError, [*NEW[:2], NEW[2][: PAGE // 2] + bytes(PAGE // 2), OLD[3]]),
        ("lost", None, OLD),
        ("stray", None, [*NEW[1:], NEW[0]]),
    ],
)
def test_what_a_struck_store_does(kind: Any, raises: Any, stored: list[bytes]) -> None:
    """Each kind of fault leaves in the slots what its description says, and raises or lies accordingly."""
    assert struck(Fault("store", kind)) == (stored, raises)
    assert (raises is not None) is (kind in HONEST)


def test_a_flip_is_one_bit() -> None:
    """On the way in it stays, on the way out it is gone at the next read."""
    stored, raised = struck(Fault("store", "flip", pick=4097))
    bits = [
        int.from_bytes(a).bit_count()
        for a in (bytes(x ^ y for x, y in zip(s, n, strict=True)) for s, n in zip(stored, NEW, strict=True))
    ]
    assert (sorted(bits), raised) == ([0, 0, 0, 1], None)
    tier = FaultyTier(tier_with_old(), [Fault("load", "flip")])
    assert held(tier) != OLD
    assert held(tier) == OLD


def test_the_calls_that_are_struck() -> None:
    """From `first`, `times` times, counted since it was armed, and only while it is."""
    tier = FaultyTier(tier_with_old(), [Fault("load", first=2, times=2, errno=errno.ENOSPC)])

    def outcomes(n: int) -> list[int | None]:
        seen: list[int | None] = []
        for _ in range(n):
            try:
                held(tier)
                seen.append(None)
            except OSError as error:
                seen.append(error.errno)
        return seen

    assert outcomes(5) == [None, None, errno.ENOSPC, errno.ENOSPC, None]
    tier.arm()
    with tier.disarmed():
        assert outcomes(6) == [None] * 6
    assert outcomes(3) == [None, None, errno.ENOSPC]
    tier.disarm()
    assert outcomes(3) == [None] * 3
    tier.arm([Fault("load", times=None)])
    assert outcomes(3) == [errno.EIO] * 3
    assert tier.injected == Counter({("load", "error"): 6})


def test_bad_slots() -> None:
    """Whoever asks for one of them among others gets an error, as of a sector that can't be read; nobody else does."""
    tier = FaultyTier(tier_with_old())
    tier.bad_slots.add(9)
    lengths = np.full(1, PAGE, np.int32)
    with pytest.raises(OSError, match="Input/output"):
        held(tier)
    assert bytes(tier.load(np.array([5]), lengths)[0]) == OLD[0]
    with pytest.raises(OSError, match="Input/output"):
        tier.load(np.array([9]), lengths)
    assert tier.injected == Counter({("load", "error"): 2})
    tier.bad_slots.clear()
    assert held(tier) == OLD


def test_faults_that_cannot_be() -> None:
    """A plan with a misspelt operation would silently test nothing."""
    with pytest.raises(ValueError, match="'operation' must be in"):
        Fault("laod")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="what can happen to free is error, not 'torn'"):
        Fault("free", "torn")
    for operation in OPERATIONS:
        for kind in POSSIBLE[operation]:
            Fault(operation, kind)


def test_seeded_faults_are_the_same_again() -> None:
    """A failure has to come back with its seed, whatever other tiers and operations did meanwhile; another seed gives others."""
    every = tuple({kind for kinds in POSSIBLE.values() for kind in kinds})

    def faults(seed: int, numbers: Any) -> dict[tuple[str, int], Fault | None]:
        plan = SeededFaults(seed=seed, rate=0.2, kinds=every, operations=OPERATIONS)
        return {(op, n): plan.fault("disk", op, n) for n in numbers for op in OPERATIONS}

    forth, back = faults(7, range(400)), faults(7, range(399, -1, -1))
    assert forth == back
    assert forth != faults(8, range(400))
    struck_ = [fault for fault in forth.values() if fault is not None]
    assert 0.15 < len(struck_) / len(forth) < 0.25
    assert {(fault.operation, fault.kind) for fault in struck_} == {(op, k) for op in OPERATIONS for k in POSSIBLE[op]}


def test_a_trace_tells_everything() -> None:
    """Slots in the order asked, bytes, and what was raised."""
    tier = TracingTier(FaultyTier(tier_with_old(), [Fault("load", first=1)]))
    tier.store(SLOTS[:2], [*NEW[:2]])
    tier.load(SLOTS, LENGTHS)
    with pytest.raises(OSError, match="Input/output error"):
        tier.load(SLOTS[:1], LENGTHS[:1])
    tier.decode(tier.encode(NEW[0]))
    tier.free(SLOTS)
    tier.close()
    assert tier.calls == [
        Call("store", (5, 1), 2 * PAGE),
        Call("load", (5, 1, 9, 2), 4 * PAGE),
        Call("load", (5,), 0, OSError),
        Call("encode", (), PAGE),
        Call("decode", (), PAGE),
        Call("free", (5, 1, 9, 2)),
        Call("close"),
    ]
    assert tier.count()["load"] == 2


def test_a_hang_holds_one_call_until_it_is_released() -> None:
    """The next call of that operation, no other; released beforehand, nobody hangs."""
    asked: list[tuple[str, int]] = []
    tier = SlowTier(tier_with_old(), lambda operation, pages: asked.append((operation, pages)))
    hang = tier.hang("load")
    got: list[list[bytes]] = []
    thread = threading.Thread(target=lambda: got.append(held(tier)))
    thread.start()
    hang.wait()
    assert held(tier) == OLD
    tier.store(SLOTS, [*NEW])
    assert thread.is_alive()
    assert got == []
    hang.release()
    thread.join(60)
    assert got == [NEW]
    tier.hang("free").release()
    tier.free(SLOTS)
    assert asked == [("load", 4), ("load", 4), ("store", 4), ("free", 4)]


def test_a_barrier_that_nobody_opens_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that hangs says nothing; an error says where."""
    monkeypatch.setattr("swaptiers.testing.slow.PATIENCE_S", 0.01)
    tier = SlowTier(tier_with_old())
    hang = tier.hang("load")
    with pytest.raises(TimeoutError, match="no call of load came"):
        hang.wait()
    with pytest.raises(TimeoutError, match="the hanging load was never released"):
        held(tier)


def test_wrappers_show_what_is_inside() -> None:
    """What only the wrapped tier has is still there."""
    tier = TracingTier(SlowTier(FaultyTier(tier_with_old())))
    assert tier.page_size == PAGE
    with pytest.raises(AttributeError, match="nonsense"):
        _ = tier.nonsense
