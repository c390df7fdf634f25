"""The torture chamber: the same from the same seed, finds what is broken, and makes it small."""

from __future__ import annotations

import random
import resource
import runpy
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
from mutants import MUTANTS

import swaptiers as st
from swaptiers.cli import torture as command
from swaptiers.demotion.quota import Quota
from swaptiers.demotion.terms import AgeTrigger, EdgeSpec, Triggers, Watermark
from swaptiers.testing import Fault
from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.drawing import HONEST, LYING, Drawing
from swaptiers.testing.torture.episode import Episode, draw_episode, run_episode
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.own_kinds import DictSpec
from swaptiers.testing.torture.python_text import as_python
from swaptiers.testing.torture.script import CALLED, write_script
from swaptiers.testing.torture.session import Session, run
from swaptiers.testing.torture.shrink import shrink, shrink_threaded
from swaptiers.testing.torture.steps import STEPS
from swaptiers.testing.torture.threads import draw_threaded, run_threaded
from swaptiers.testing.torture.world import World, draw_world

SMALL = World(tiers=(st.ZswapSpec(name="t0", max_pool="48K"), st.FileSpec(name="t1", capacity="1M")))


def test_same_seed_same_episode() -> None:
    """An episode that depends on anything but its seed can't be run again: operations, faults, outcomes and counters."""
    for number in (0, 1, 2):
        episode = draw_episode(5, number)
        assert draw_episode(5, number) == episode
        first, second = run(episode), run(episode)
        assert first.failure is None
        assert (first.trace, first.counts) == (second.trace, second.counts)
    assert draw_episode(6, 0) != draw_episode(5, 0)


def test_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few episodes of each sort: nothing is found, faults were injected, pages compared, and the time given is kept."""
    monkeypatch.chdir(tmp_path)
    session = Session(11, clock=iter(range(1000)).__next__)
    report = session.run(5)
    assert report.found is None, report.found
    assert (report.episodes, report.threaded) == (5, 1)
    assert report.counts["page reads compared"] > 300
    assert "nothing" in command.table(report)
    assert report.descriptors[0] == report.descriptors[1]
    assert list(tmp_path.iterdir()) == []


def test_everything_is_drawn() -> None:
    """A kind of operation, fault or tier that is never drawn is never tested."""
    drawn: set[str] = set()
    faults: set[tuple[str, str]] = set()
    tiers: set[str] = set()
    for seed in range(60):
        draw = random.Random(seed)
        world = draw_world(draw)
        tiers |= {f"{each.kind} {getattr(each, 'layout', '')}" for each in world.tiers}
        for each in Drawing(draw, world, (*HONEST, *LYING)).everything(300):
            drawn.add(type(each).__name__)
            if isinstance(each, ops.Arm):
                faults |= {(fault.operation, fault.kind) for fault in each.faults}
    assert drawn == {kind.__name__ for kind in ops.Operation.__args__}  # type: ignore[attr-defined]
    from swaptiers.testing.faults import POSSIBLE  # noqa: PLC0415

    assert faults == {(operation, kind) for operation, kinds in POSSIBLE.items() for kind in kinds}
    assert {"zswap ", "memory ", "file slots", "file log", "dict "} <= tiers


def test_values_as_python() -> None:
    """A script whose world is another one shows nothing."""
    names = {each.__name__: each for each in (World, EdgeSpec, Triggers, Watermark, AgeTrigger, Quota, DictSpec, Fault)}
    names |= {each.__name__: each for each in (st.ZswapSpec, st.MemorySpec, st.FileSpec)}
    names |= {kind.__name__: kind for kind in ops.Operation.__args__}  # type: ignore[attr-defined]
    for number in range(40):
        episode = draw_episode(3, number)
        assert eval(as_python(episode.world), names) == episode.world
        assert eval(as_python(episode.operations), names) == episode.operations


@pytest.mark.parametrize("number", [0, 5, 8])
def test_a_script_does_what_its_episode_did(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    """A script that does something else, or that is no Python, shows nothing: those of sound episodes find nothing either."""
    episode = draw_episode(1, number)
    path = tmp_path / "script.py"
    path.write_text(write_script(episode, TortureError("none", 'nothing """ at \\all')))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        runpy.run_path(str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    out = capsys.readouterr().out
    assert out.endswith("nothing failed\n")
    assert len(out.splitlines()) > len(episode.operations) // 3


def test_every_operation_can_be_written() -> None:
    """An operation without its line in a script is found only when a failure is to be written down."""
    kinds = set(ops.Operation.__args__)  # type: ignore[attr-defined]
    assert set(CALLED) == kinds
    assert set(CALLED.values()) == set(STEPS)
    for name, text in STEPS.items():
        assert text.startswith(f"\ndef {name}(")


def test_shrinking() -> None:
    """What is not needed goes: operations, pages, terms of the world."""
    world = attrs.evolve(draw_world(random.Random(4)), on_full="spill", legacy_swap_charge=True)
    needed = (ops.SwapOut((7, 8, 9), "/a", 5), ops.SwapIn((8,)))
    others = tuple(Drawing(random.Random(1), world, HONEST).everything(60))
    episode = Episode(seed=0, number=0, world=world, operations=(*others, needed[0], *others, needed[1], *others))

    def fails(candidate: Episode) -> bool:
        out = [each for each in candidate.operations if isinstance(each, ops.SwapOut) and 8 in each.pages]
        taken = [each for each in candidate.operations if isinstance(each, ops.SwapIn) and 8 in each.pages]
        return bool(out and taken)

    small = shrink(episode, fails)
    assert sorted(map(str, small.operations)) == sorted(map(str, (ops.SwapOut((8,)), ops.SwapIn((8,)))))
    assert len(small.world.tiers) == 1
    assert not small.world.legacy_swap_charge


def test_shrinking_threads() -> None:
    """Rounds and threads that are not needed go."""
    episode = draw_threaded(1, 3)
    wanted = episode.rounds[2][1][0]
    small = shrink_threaded(episode, lambda each: any(wanted in part for parts in each.rounds for part in parts))
    assert len(small.rounds) == len(small.rounds[0]) == 1
    assert small.rounds[0][0][0] == wanted
    assert len(small.rounds[0][0]) < 3


@pytest.mark.parametrize("name", ["checksum", "free"])
def test_a_broken_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Torture that finds nothing where something is wrong is worth nothing: it is found, made small, and the script that is
    written shows it; and shows nothing once the package is whole."""
    monkeypatch.chdir(tmp_path)
    break_it, kinds = MUTANTS[name]
    with monkeypatch.context() as patch:
        break_it(patch)
        session = Session(2)
        for number in (n for n in range(80) if n % 4 != 3):
            if session.one(number).failure is not None:
                break
        found = session.report().found
        assert found is not None
        assert found.failure.kind in kinds
        assert found.steps <= min(8, found.steps_before)
        if name == "checksum":
            with pytest.raises((AssertionError, ValueError)):
                runpy.run_path(found.script)
    runpy.run_path(found.script)
    assert f"--seed 2 --episode {found.episode}" in Path(found.script).read_text()


def test_a_hanging_thread_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock that hangs the torture is not reported by it: what every thread was doing is said."""
    release = threading.Event()
    episode = attrs.evolve(
        draw_threaded(1, 3), world=SMALL, rate=0.0, has_background=False, limit_s=0.5,
        rounds=(((ops.SwapOut((1, 2, 3)),), (ops.Look(),)),),
    )  # fmt: skip
    monkeypatch.setattr(st.SwapSystem, "inversion", lambda self: release.wait(20) and None)
    outcome = run_threaded(episode, tmp_path)
    release.set()
    assert outcome.failure is not None
    assert outcome.failure.kind == "deadlock"
    assert "_look" in str(outcome.failure)


def test_a_lying_device_is_found_out(tmp_path: Path) -> None:
    """Lost, stray and flipped writes: the pages are named and counted, others come back."""
    pages = tuple(range(1, 6))
    lies = tuple(Fault("store", kind, first=0) for kind in ("lost",))
    operations: tuple[Any, ...] = (ops.SwapOut(pages), ops.Arm("t0", lies), ops.SwapOut((31, 32)), ops.Peek((31, 32)))
    outcome = run_episode(Episode(seed=0, number=0, world=SMALL, operations=operations), tmp_path)
    assert outcome.failure is None, outcome.failure
    assert outcome.counts["store lost"] == 1
    assert outcome.counts["pages lost by a device, and named"] == 2


def test_interrupted() -> None:
    """Ctrl-C loses what was found out so far."""

    def stop(session: Session) -> None:
        raise KeyboardInterrupt

    report = Session(11).run(600, stop)
    assert report.is_interrupted
    assert report.episodes == 1
    assert report.counts["page reads compared"]
