"""Key-value caches for the token loop: whole (full.py), in few bits (quantized.py), within a budget (budget.py)."""

from collections.abc import Mapping

from nightingale.decoding.cache.budget import BudgetKVCache
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.cache.quantized import QuantizedKVCache
from nightingale.kernels.cache import Cache
from nightingale.options import CacheOptions


def make_caches(
    num_layers: int, options: CacheOptions | None = None, num_queries: Mapping[int, int] | None = None
) -> list[Cache]:
    """An empty cache for each layer, of the kind that the options name; KVCache without options.

    num_queries: of a layer, how many of the newest queries its cache keeps; by default none.
    """
    options, counts = options or CacheOptions(), num_queries or {}
    if options.bits is not None:
        return [QuantizedKVCache(options.bits, num_queries=counts.get(i, 0)) for i in range(num_layers)]
    if options.budget is not None:
        return [BudgetKVCache(options.budget, counts.get(i, 0)) for i in range(num_layers)]
    return [KVCache(num_queries=counts.get(i, 0)) for i in range(num_layers)]
