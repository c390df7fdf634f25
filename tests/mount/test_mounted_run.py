"""A running experiment, driven through its mounted control files."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from driven import CONFIG, check_whole, run_and_drive
from mounts import needs_fuse

import swaptiers as st
from swaptiers.control.filesystem import Tree
from swaptiers.experiment.handover import Handover
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.run import run_experiment


@needs_fuse
def test_three_processes_drive_a_run(tmp_path: Path) -> None:
    """Would catch a request that is carried out in the middle of a reference, a lost page, or a deadlock."""
    result, done = run_and_drive(tmp_path, 3, 3)
    assert all(done)
    check_whole(result)


def handed(tmp_path: Path, hand: Handover, seconds: float = 20) -> st.ExperimentResult:
    path = tmp_path / "experiment.yaml"
    path.write_text(CONFIG)
    experiment = load_experiment(path, sets=[f"run.until={seconds}s", "run.payload=sizes"])
    return run_experiment(experiment, hand=hand)


def test_a_request_is_answered_while_the_run_goes_on(tmp_path: Path) -> None:
    """Would catch a request that waits for the end of the run, one whose error is lost, or one that is never answered
    because the run set its next stop at the same moment."""
    hand, answers, failures = Handover(), list[str](), list[BaseException]()

    def ask() -> None:
        try:
            while True:
                answers.append(hand.ask(lambda tree: tree.read("/web/memory.stat")))
                with pytest.raises(st.ControlFileError):
                    hand.ask(lambda tree: tree.write("/web/memory.reclaim", "x"))
        except st.ControlFileError as over:
            answers.append(str(over))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    result = handed(tmp_path, hand)
    hand.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failures
    assert answers[-1] == "the run is over"
    assert len(set(answers)) > 10, "each is from another moment"
    assert result.variants["base"].refs > 1000


def test_what_is_driven_is_noted_among_the_actions(tmp_path: Path) -> None:
    """Would catch numbers that look like those of the config alone."""
    hand = Handover()

    def ask() -> None:
        with contextlib.suppress(st.ControlFileError):  # -EAGAIN: nothing is there yet
            hand.ask(lambda tree: tree.write("/web/memory.reclaim", "100K"))

    thread = threading.Thread(target=ask)
    thread.start()
    result = handed(tmp_path, hand, 5)
    thread.join(60)
    (action,) = result.variants["base"].actions
    assert (action["by"], action["to"], action["write"]) == ("mount", "/web/memory.reclaim", "100K")


def test_a_pace_is_kept(tmp_path: Path) -> None:
    """Would catch a run that hurries, by a clock that only goes on while the run waits for it."""
    now = [0]

    class Waiting(Handover):
        def turn(self, virtual: int) -> None:
            super().turn(virtual)
            assert now[0] * 2 >= virtual - 1

    hand = Waiting(2.0, clock=lambda: now.__setitem__(0, now[0] + 1_000_000) or now[0])
    handed(tmp_path, hand, 0.4)
    assert now[0] >= 180_000_000


def test_requests_wait_for_the_next_run_and_end_with_the_last() -> None:
    """Would catch a thread that waits for ever when the run is over."""
    hand, got = Handover(), list[BaseException]()

    def ask() -> None:
        try:
            hand.ask(Tree.list)  # type: ignore[arg-type]
        except st.ControlFileError as error:
            got.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    hand.close()
    thread.join(10)
    assert [error.errno for error in got if isinstance(error, OSError)] == [19]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pace", "1x"], "--mount"),
        (["--mount", "missing", "--jobs", "2"], "jobs"),
        (["--mount", ".", "--pace", "fast"], "number like 1x"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: list[str], said: str) -> None:
    """Would catch an option that is passed over."""
    (tmp_path / "experiment.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "swaptiers", "run", "experiment.yaml", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
