"""As docs/custom-tier.md says: the contract, passed by what was installed."""

from third_party import DictionarySpec

import swaptiers as st
from swaptiers.testing import TierContract


class TestDictionary(TierContract):
    def spec(self):
        return DictionarySpec(name="dict", capacity="4M")


class TestZlib(TierContract):
    def spec(self):
        return st.ZswapSpec(name="pool", compressor="zlib", max_pool="8M")
