"""`swaptiers torture` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swaptiers.cli import main
from swaptiers.testing.torture import episode
from swaptiers.testing.torture.failure import TortureError


def test_one_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The seed, what was injected and what was found are printed, and nothing else: no progress line into a file."""
    monkeypatch.chdir(tmp_path)
    main(["torture", "--seed", "4", "--episode", "0"])
    out, err = capsys.readouterr()
    assert out.startswith("seed 4: repeat with --seed 4\n")
    assert "page reads compared" in out
    assert "nothing" in out.splitlines()[-1]
    assert err == ""


def test_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken integrity is 3, with the seed, the episode, the operation and the script."""
    monkeypatch.chdir(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise TortureError("lost", "a page is not there")

    monkeypatch.setattr(episode, "check_after", fail)
    with pytest.raises(SystemExit) as caught:
        main(["torture", "--seed", "4", "--episode", "1"])
    assert caught.value.code == 3
    err = capsys.readouterr().err
    assert "lost: a page is not there" in err
    assert "swaptiers torture --seed 4 --episode 1" in err
    assert (tmp_path / "torture-4-1.py").exists()


@pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--minutes", "soon"], ["--seed", "-1"], ["--episode", "x"]])
def test_bad_usage(arguments: list[str]) -> None:
    """A session of no time, or of no seed."""
    with pytest.raises(SystemExit) as caught:
        main(["torture", *arguments])
    assert caught.value.code == 2
