"""docs/controllers.md: its program runs, its defaults are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from swaptiers.config import unstructure
from swaptiers.controllers.kinds import AnyControllerSpec
from swaptiers.controllers.promotion_rate import PromotionRateSpec
from swaptiers.controllers.psi import PsiSpec
from swaptiers.controllers.zswap_shrinker import ZswapShrinkerSpec
from swaptiers.experiment.load import load_experiment

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs/controllers.md").read_text(encoding="utf-8")


def test_its_program(capsys: pytest.CaptureFixture[str]) -> None:
    """As it is printed there."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "docs/controllers.md", "exec"), {})
    assert "0.2% of 1%" in capsys.readouterr().out


@pytest.mark.parametrize("spec", [PsiSpec(source="ssd"), PromotionRateSpec(source="ssd")], ids=lambda spec: spec.kind)
def test_its_defaults(spec: AnyControllerSpec) -> None:
    """Every key of a kind has its row, with the default that it has."""
    (section,) = re.findall(rf"\n## `{spec.kind}`\n(.*?)\n## ", TEXT, re.DOTALL)
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))
    known = {
        key: str(value) for key, value in unstructure(spec).items() if key not in ("kind", "cgroup", "source", "to")
    }
    if "every" not in rows:
        assert f"`every` ({known.pop('every').replace('s', ' s')})" in section
    assert {key: value.removesuffix(".0") for key, value in known.items()} == rows


def test_the_shrinkers_interval() -> None:
    """It stands in a sentence."""
    assert f"`every` ({unstructure(ZswapShrinkerSpec(source='z'))['every'].replace('ms', ' ms')})" in TEXT


def test_the_reference_config_shows_every_key(tmp_path: Path) -> None:
    """Without their marks of comment, its lines about controllers are controllers with their defaults."""
    text = (ROOT / "tiers.yaml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^controllers: \[\](.*?)\n\n", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "it.yaml").write_text(text.replace(f"[]{block}", re.sub(r"^# ", "  ", block, flags=re.MULTILINE)))
    psi, rate, shrinker = load_experiment(tmp_path / "it.yaml", variants=["demotion"]).base.controllers
    assert psi == PsiSpec(cgroup="/web", source="zswap", to="ssd")
    assert (rate, shrinker) == (PromotionRateSpec(source="zswap"), ZswapShrinkerSpec(source="zswap"))
    for key in unstructure(psi) | unstructure(rate):
        assert f"{key}:" in block
