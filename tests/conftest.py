"""What all tests share: the seed of hypothesis is drawn, printed and can be given again."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("swaptiers", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("swaptiers")
ROOT = Path(__file__).parent.parent


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader would be: the configs and examples."""
    shutil.copy(ROOT / "tiers.yaml", tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw a seed unless one was given. Ctrl-C is let through: a shell's background job ignores it, and so would all that the
    tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--hypothesis-seed", None) is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(1 << 32))


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to repeat the run."""
    return f"hypothesis seed: repeat this run with --hypothesis-seed={config.option.hypothesis_seed}"
