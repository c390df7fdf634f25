"""The kinds of controller: which class steers by which spec."""

from __future__ import annotations

from swaptiers.controllers.base import Controller
from swaptiers.controllers.promotion_rate import PromotionRate, PromotionRateSpec
from swaptiers.controllers.psi import Psi, PsiSpec
from swaptiers.controllers.zswap_shrinker import ZswapShrinker, ZswapShrinkerSpec

AnyControllerSpec = PsiSpec | PromotionRateSpec | ZswapShrinkerSpec


def make_controller(spec: AnyControllerSpec) -> Controller:
    """A controller that has seen nothing yet."""
    if isinstance(spec, PsiSpec):
        return Psi(spec)
    if isinstance(spec, PromotionRateSpec):
        return PromotionRate(spec)
    return ZswapShrinker(spec)
