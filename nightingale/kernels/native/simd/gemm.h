// Matrix products in one thread: register-blocked GEMM micro-kernels for packed weights (see Product).
//
// A tile is a few rows of x times a few vectors of outputs, whose sums stay in registers over all inputs. See Goto and
// van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
#pragma once

#include "kernels.h"
#include "vector.h"

namespace nightingale::INSTRUCTION_SET {

// A fused multiply-add takes 4 cycles and two can begin in each, so a tile needs at least 8 sums to keep the units
// busy: the fewer rows, the more vectors. The largest tile fills the registers, with as few loads a sum as possible.
struct TileShape {
  int max_rows;
  int vectors;
};
#if defined(__AVX512F__)
constexpr TileShape kTiles[] = {{3, 8}, {6, 4}, {14, 2}};
constexpr int kBlockRows = 4;
#elif defined(__AVX2__)
constexpr TileShape kTiles[] = {{1, 8}, {3, 4}, {6, 2}};
constexpr int kBlockRows = 2;
#elif defined(__aarch64__)
constexpr TileShape kTiles[] = {{2, 8}};
constexpr int kBlockRows = 3;
#else
constexpr TileShape kTiles[] = {{1, 8}};
constexpr int kBlockRows = 2;
#endif
constexpr int kNumTiles = sizeof(kTiles) / sizeof(TileShape);
constexpr int kMaxTileRows = kTiles[kNumTiles - 1].max_rows;
constexpr int kPanelVectors = kPanel / kLanes;
constexpr int kBlockVectors = 4;  // outputs of a quantized tile, in vectors
// With few rows a product is as fast as its weights are read. The hardware prefetcher stops at each page of 4 KB.
constexpr int kCacheLine = 16;           // words
constexpr int kPrefetchDistance = 1536;  // words, 6 KB

// Adds the residual and stores a vector of outputs, or as many as there are.
inline void store_outputs(const Product& p, int row, int column, Floats total) {
  float* y = p.y + row * p.y_stride + column;
  const float* residual = p.residual == nullptr ? nullptr : p.residual + row * p.residual_stride + column;
  const int left = p.outputs - column;
  if (left >= kLanes) {
    store(y, residual == nullptr ? total : total + load(residual));
  } else if (left > 0) {
    store_part(y, residual == nullptr ? total : total + load_part(residual, left), left);
  }
}

inline Floats load_bias(const Product& p, int column) {
  const int left = p.outputs - column;
  if (p.bias == nullptr || left <= 0) {
    return broadcast(0.0f);
  }
  return left >= kLanes ? load(p.bias + column) : load_part(p.bias + column, left);
}

// One tile, from vector `first` of the outputs on: part of a panel, or whole panels.
template <int ROWS, int VECTORS>
void panel_tile(const Product& p, int row, int first) {
  const ptrdiff_t panel_size = static_cast<ptrdiff_t>(p.taps) * p.inputs * kPanel;
  const float* w = static_cast<const float*>(p.weights) + first / kPanelVectors * panel_size +
      first % kPanelVectors * kLanes;
  Floats total[ROWS][VECTORS];
  UNROLL
  for (int v = 0; v < VECTORS; ++v) {
    const Floats bias = load_bias(p, (first + v) * kLanes);
    UNROLL
    for (int r = 0; r < ROWS; ++r) {
      total[r][v] = bias;
    }
  }
  for (int tap = 0; tap < p.taps; ++tap) {
    const float* x = p.x + row * p.x_stride + tap * p.tap_stride;
    for (int k = 0; k < p.inputs; ++k, w += kPanel) {
      Floats weights[VECTORS];
      UNROLL
      for (int v = 0; v < VECTORS; ++v) {
        weights[v] = load(w + (v / kPanelVectors) * panel_size + (v % kPanelVectors) * kLanes);
      }
      UNROLL
      for (int r = 0; r < ROWS; ++r) {
        const Floats input = broadcast(x[r * p.x_stride + k]);
        UNROLL
        for (int v = 0; v < VECTORS; ++v) {
          total[r][v] = fma(input, weights[v], total[r][v]);
        }
      }
    }
  }
  UNROLL
  for (int r = 0; r < ROWS; ++r) {
    UNROLL
    for (int v = 0; v < VECTORS; ++v) {
      store_outputs(p, row + r, (first + v) * kLanes, total[r][v]);
    }
  }
}

// Calls panel_tile<rows, VECTORS>.
template <int ROWS, int VECTORS>
inline void panel_rows(const Product& p, int row, int rows, int first) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS) {
      panel_tile<ROWS, VECTORS>(p, row, first);
    } else {
      panel_rows<ROWS - 1, VECTORS>(p, row, rows, first);
    }
  }
}

// A few rows of vectors `first` to `end`, in the widest tiles for so many rows; narrower tiles do the remainder.
template <int TILE = 0>
inline void panel_tiles(const Product& p, int row, int rows, int first, int end) {
  if constexpr (TILE < kNumTiles) {
    constexpr TileShape kTile = kTiles[TILE];
    for (; rows <= kTile.max_rows && first + kTile.vectors <= end; first += kTile.vectors) {
      panel_rows<kTile.max_rows, kTile.vectors>(p, row, rows, first);
    }
    panel_tiles<TILE + 1>(p, row, rows, first, end);
  }
}

inline void multiply_panels(const Product& p, Range rows, Range panels) {
  const int count = rows.end - rows.begin;
  const int parts = (count + kMaxTileRows - 1) / kMaxTileRows;
  for (int part = 0; part < parts; ++part) {  // of about equal height: 15 rows are 7 and 8, not 14 and 1
    const int begin = rows.begin + static_cast<int>(static_cast<int64_t>(count) * part / parts);
    const int end = rows.begin + static_cast<int>(static_cast<int64_t>(count) * (part + 1) / parts);
    panel_tiles(p, begin, end - begin, panels.begin * kPanelVectors, panels.end * kPanelVectors);
  }
}

// Adds x * w for `fields` inputs, whose integers are in one word for each output.
template <int BITS, int ROWS>
INLINE inline void add_word(
    const float* x, ptrdiff_t x_stride, const uint32_t* words, int fields, Floats (&sums)[ROWS][kBlockVectors]) {
  UNROLL
  for (int i = 0; i < 32 / BITS; ++i) {
    if (i >= fields) {
      break;
    }
    Floats weights[kBlockVectors];
    UNROLL
    for (int v = 0; v < kBlockVectors; ++v) {
      weights[v] = extract(load(words + v * kLanes), i * BITS, BITS);
    }
    UNROLL
    for (int r = 0; r < ROWS; ++r) {
      const Floats input = broadcast(x[r * x_stride + i]);
      UNROLL
      for (int v = 0; v < kBlockVectors; ++v) {
        sums[r][v] = fma(input, weights[v], sums[r][v]);
      }
    }
  }
}

// A group of inputs adds scale * (x @ integers) + offset * (sum of x).
template <int BITS, int ROWS>
void block_tile(const Product& p, int row, int block, int first_vector) {
  constexpr int kFields = 32 / BITS;
  const int groups = p.inputs / p.group_size;
  const int whole = p.group_size / kFields, rest = p.group_size % kFields;
  const ptrdiff_t group_words = static_cast<ptrdiff_t>(whole + (rest > 0) + 2) * kBlock;
  const uint32_t* words =
      static_cast<const uint32_t*>(p.weights) + block * groups * group_words + first_vector * kLanes;
  const float* x = p.x + row * p.x_stride;
  const float* group_sums = p.group_sums + static_cast<ptrdiff_t>(row) * groups;
  const int column = block * kBlock + first_vector * kLanes;
  Floats total[ROWS][kBlockVectors];
  for (int v = 0; v < kBlockVectors; ++v) {
    for (int r = 0; r < ROWS; ++r) {
      total[r][v] = load_bias(p, column + v * kLanes);
    }
  }
  for (int g = 0; g < groups; ++g) {
    Floats sums[ROWS][kBlockVectors] = {};
    for (int i = 0; i < whole; ++i, words += kBlock, x += kFields) {
      UNROLL
      for (int line = 0; line < kBlockVectors * kLanes; line += kCacheLine) {
        __builtin_prefetch(words + kPrefetchDistance + line);
      }
      add_word<BITS, ROWS>(x, p.x_stride, words, kFields, sums);
    }
    if (rest > 0) {
      add_word<BITS, ROWS>(x, p.x_stride, words, rest, sums);
      words += kBlock;
      x += rest;
    }
    const float* scales = reinterpret_cast<const float*>(words);
    UNROLL
    for (int v = 0; v < kBlockVectors; ++v) {
      const Floats scale = load(scales + v * kLanes), offset = load(scales + kBlock + v * kLanes);
      UNROLL
      for (int r = 0; r < ROWS; ++r) {
        total[r][v] = fma(offset, broadcast(group_sums[r * groups + g]), fma(scale, sums[r][v], total[r][v]));
      }
    }
    words += 2 * kBlock;
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int v = 0; v < kBlockVectors; ++v) {
      store_outputs(p, row + r, column + v * kLanes, total[r][v]);
    }
  }
}

// Calls block_tile<BITS, rows>.
template <int BITS, int ROWS>
inline void block_rows(const Product& p, int row, int rows, int block, int first_vector) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS) {
      block_tile<BITS, ROWS>(p, row, block, first_vector);
    } else {
      block_rows<BITS, ROWS - 1>(p, row, rows, block, first_vector);
    }
  }
}

template <int BITS>
void multiply_blocks_of(const Product& p, Range rows, Range blocks) {
  for (int block = blocks.begin; block < blocks.end; ++block) {
    for (int row = rows.begin; row < rows.end; row += kBlockRows) {  // a block stays in the cache for all rows
      const int count = rows.end - row < kBlockRows ? rows.end - row : kBlockRows;
      for (int v = 0; v < kBlock / kLanes; v += kBlockVectors) {
        block_rows<BITS, kBlockRows>(p, row, count, block, v);
      }
    }
  }
}

inline void multiply_blocks(const Product& p, Range rows, Range blocks) {
  switch (p.bits) {
    case 2: return multiply_blocks_of<2>(p, rows, blocks);
    case 3: return multiply_blocks_of<3>(p, rows, blocks);
    case 4: return multiply_blocks_of<4>(p, rows, blocks);
    case 5: return multiply_blocks_of<5>(p, rows, blocks);
    case 6: return multiply_blocks_of<6>(p, rows, blocks);
    default: return multiply_blocks_of<8>(p, rows, blocks);
  }
}

inline void group_sums(const float* x, int inputs, int group_size, float* sums) {
  for (int g = 0; g < inputs / group_size; ++g) {
    Floats total = broadcast(0.0f);
    for (int k = 0; k < group_size; k += kLanes) {
      total = total + load(x + g * group_size + k);
    }
    sums[g] = reduce_add(total);
  }
}

}  // namespace nightingale::INSTRUCTION_SET
