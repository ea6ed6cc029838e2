#!/usr/bin/env python3
"""Lower bounds of the time that the official T3 takes on Apple's chips, computed from memory bandwidth, not measured.

    roofline.py [--tokens 102] [--prompt 100]

Each token needs all weights of the layers and of the head, and the keys and values of all positions before it. The
table has the seconds to read them at the bandwidth that Apple publishes; a real chip takes longer. Classifier-free
guidance is a batch of two: it reads the weights once, and twice as many keys and values.
"""

from __future__ import annotations

import argparse
import sys

from nightingale.checkpoints.chatterbox.sizes import chatterbox_english
from nightingale.models.config import T3Config

# Memory bandwidth in GB/s, from Apple's technical specifications (support.apple.com/specs; 121553 for M3, 117736 for
# M4, 126318 for M5) and press releases. For chips with several variants, the highest. Apple publishes none for the M1,
# which has 8 channels of 16 bits of LPDDR4X-4266: 68 GB/s.
BANDWIDTHS = {
    "M1": 68, "M1 Pro": 200, "M1 Max": 400, "M1 Ultra": 800,
    "M2": 100, "M2 Pro": 200, "M2 Max": 400, "M2 Ultra": 800,
    "M3": 100, "M3 Pro": 150, "M3 Max": 400, "M3 Ultra": 819,
    "M4": 120, "M4 Pro": 273, "M4 Max": 546,
    "M5": 153, "M5 Pro": 307, "M5 Max": 614,
}  # fmt: skip
BITS = (16, 8, 4)
GROUP_SIZE = 64
GROUP_OVERHEAD_BITS = 32  # a scale and an offset of 16 bits each
KV_BYTES = 2  # for each number in the KV cache


def weights_read(config: T3Config) -> int:
    """Number of weights in the layers and the head."""
    llama = config.llama
    assert llama is not None
    attention = llama.hidden_size * llama.head_dim * 2 * (llama.num_heads + llama.num_kv_heads)
    layer = attention + 3 * llama.hidden_size * llama.intermediate_size
    return llama.num_layers * layer + llama.hidden_size * config.speech_vocab_size


def bytes_read(config: T3Config, bits: int, rows: int, tokens: int, prompt: int) -> float:
    """Bytes read for all tokens of one sentence."""
    bits_per_weight = bits + (GROUP_OVERHEAD_BITS / GROUP_SIZE if bits < 16 else 0)
    llama = config.llama
    assert llama is not None
    position = 2 * llama.num_layers * llama.num_kv_heads * llama.head_dim * KV_BYTES
    positions = sum(prompt + i for i in range(tokens))
    return tokens * weights_read(config) * bits_per_weight / 8 + rows * positions * position


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=102, help="speech tokens; 25 are a second")
    parser.add_argument("--prompt", type=int, default=100, help="positions of conditioning and text")
    args = parser.parse_args()
    config = chatterbox_english().t3
    shapes = [(bits, rows) for bits in BITS for rows in (1, 2)]
    read = [bytes_read(config, bits, rows, args.tokens, args.prompt) for bits, rows in shapes]
    print(f"Computed, not measured: least seconds for {args.tokens} tokens ({args.tokens / 25:.2f} s of sound).\n")
    print("| | GB/s |", " | ".join(f"{bits} bits{', guided' if rows > 1 else ''}" for bits, rows in shapes), "|")
    print("|---|---|" + "---|" * len(shapes))
    print("| GB read | |", " | ".join(f"{count / 1e9:.0f}" for count in read), "|")
    for name, bandwidth in BANDWIDTHS.items():
        print(f"| {name} | {bandwidth} |", " | ".join(f"{count / 1e9 / bandwidth:.2f}" for count in read), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
