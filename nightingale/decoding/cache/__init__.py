"""Key-value caches for the token loop: whole (full.py), in few bits (quantized.py), within a budget (budget.py)."""

from nightingale.decoding.cache.budget import BudgetKVCache
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.cache.quantized import QuantizedKVCache
from nightingale.kernels.cache import Cache
from nightingale.options import CacheOptions


def make_caches(num_layers: int, options: CacheOptions | None = None) -> list[Cache]:
    """An empty cache for each layer, of the kind that the options name; KVCache without options."""
    options = options or CacheOptions()
    if options.bits is not None:
        return [QuantizedKVCache(options.bits) for _ in range(num_layers)]
    if options.budget is not None:
        return [BudgetKVCache(options.budget) for _ in range(num_layers)]
    return [KVCache() for _ in range(num_layers)]
