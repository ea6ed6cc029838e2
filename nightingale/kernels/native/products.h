// Matrix products of one thread: a few rows times panels of floats or blocks of integers.
#pragma once

#include "routines.h"
#include "simd.h"

namespace nightingale::INSTRUCTION_SET {

// A tile is rows times vectors that are summed up at once: as many as there are registers for, as few loads for each as
// that gives. A multiplication's result waits 4 cycles, so fewer than 8 sums at once would leave the multipliers idle:
// the fewer rows, the wider a tile.
struct Tile {
  int most_rows;
  int vectors;
};
#if defined(__AVX512F__)
constexpr Tile kTiles[] = {{3, 8}, {6, 4}, {14, 2}};
constexpr int kBlockRows = 4;
constexpr int kBlockVectors = 4;
#elif defined(__AVX2__)
constexpr Tile kTiles[] = {{1, 8}, {3, 4}, {6, 2}};
constexpr int kBlockRows = 2;
constexpr int kBlockVectors = 4;
#elif defined(__aarch64__)
constexpr Tile kTiles[] = {{2, 8}};
constexpr int kBlockRows = 3;
constexpr int kBlockVectors = 4;
#else
constexpr Tile kTiles[] = {{1, 8}};
constexpr int kBlockRows = 2;
constexpr int kBlockVectors = 4;
#endif
constexpr int kNumTiles = sizeof(kTiles) / sizeof(Tile);
constexpr int kMostRows = kTiles[kNumTiles - 1].most_rows;
// Few rows are as fast as their weights are read, and a processor's own look-ahead ends at every page of 4 KB.
constexpr int kCacheLine = 16;  // words
constexpr int kAhead = 1536;    // words, 6 KB
constexpr int kPanelVectors = kPanel / kLanes;

// Adds the residual and writes one vector of outputs, or the part of it that exists.
inline void finish(const Product& p, int row, int column, Floats total) {
  float* y = p.y + row * p.y_stride + column;
  const float* residual = p.residual == nullptr ? nullptr : p.residual + row * p.residual_stride + column;
  const int left = p.outputs - column;
  if (left >= kLanes) {
    store(y, residual == nullptr ? total : total + load(residual));
  } else if (left > 0) {
    store_part(y, residual == nullptr ? total : total + load_part(residual, left), left);
  }
}

inline Floats bias_at(const Product& p, int column) {
  const int left = p.outputs - column;
  if (p.bias == nullptr || left <= 0) {
    return all(0.0f);
  }
  return left >= kLanes ? load(p.bias + column) : load_part(p.bias + column, left);
}

// One tile, from vector number `first` of the outputs on: part of a panel, or whole panels.
template <int ROWS, int VECTORS>
void panel_tile(const Product& p, int row, int first) {
  const ptrdiff_t panel_size = static_cast<ptrdiff_t>(p.taps) * p.inputs * kPanel;
  const float* w = static_cast<const float*>(p.weights) + first / kPanelVectors * panel_size +
      first % kPanelVectors * kLanes;
  Floats total[ROWS][VECTORS];
  UNROLL
  for (int v = 0; v < VECTORS; ++v) {
    const Floats bias = bias_at(p, (first + v) * kLanes);
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
        const Floats input = all(x[r * p.x_stride + k]);
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
      finish(p, row + r, (first + v) * kLanes, total[r][v]);
    }
  }
}

// Calls panel_tile for a number of rows that is known only now.
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

// Some rows of all vectors, in the widest tiles that are tall enough; narrower ones do what is left.
template <int TILE = 0>
inline void tiles(const Product& p, int row, int rows, int first, int end) {
  if constexpr (TILE < kNumTiles) {
    constexpr Tile kTile = kTiles[TILE];
    for (; rows <= kTile.most_rows && first + kTile.vectors <= end; first += kTile.vectors) {
      panel_rows<kTile.most_rows, kTile.vectors>(p, row, rows, first);
    }
    tiles<TILE + 1>(p, row, rows, first, end);
  }
}

inline void panels(const Product& p, Range rows, Range panels) {
  const int count = rows.end - rows.begin;
  const int parts = (count + kMostRows - 1) / kMostRows;
  for (int part = 0; part < parts; ++part) {  // all about equally tall: 15 rows are 8 and 7, not 14 and 1
    const int begin = rows.begin + static_cast<int>(static_cast<int64_t>(count) * part / parts);
    const int tall = rows.begin + static_cast<int>(static_cast<int64_t>(count) * (part + 1) / parts) - begin;
    tiles(p, begin, tall, panels.begin * kPanelVectors, panels.end * kPanelVectors);
  }
}

// Adds x * w of the first `fields` inputs that words hold.
template <int BITS, int ROWS>
[[gnu::always_inline]] inline void add_word(
    const float* x, ptrdiff_t x_stride, const uint32_t* words, int fields, Floats (&sums)[ROWS][kBlockVectors]) {
  UNROLL
  for (int i = 0; i < 32 / BITS; ++i) {
    if (i >= fields) {
      break;
    }
    Floats weights[kBlockVectors];
    UNROLL
    for (int v = 0; v < kBlockVectors; ++v) {
      weights[v] = field(load(words + v * kLanes), i * BITS, BITS);
    }
    UNROLL
    for (int r = 0; r < ROWS; ++r) {
      const Floats input = all(x[r * x_stride + i]);
      UNROLL
      for (int v = 0; v < kBlockVectors; ++v) {
        sums[r][v] = fma(input, weights[v], sums[r][v]);
      }
    }
  }
}

template <int BITS, int ROWS>
void block_tile(const Product& p, int row, int block, int first_vector) {
  constexpr int kFields = 32 / BITS;
  const int groups = p.inputs / p.group;
  const int whole = p.group / kFields, rest = p.group % kFields;
  const ptrdiff_t group_size = static_cast<ptrdiff_t>(whole + (rest > 0) + 2) * kBlock;
  const uint32_t* words = static_cast<const uint32_t*>(p.weights) + block * groups * group_size + first_vector * kLanes;
  const float* x = p.x + row * p.x_stride;
  const float* group_sums = p.group_sums + static_cast<ptrdiff_t>(row) * groups;
  const int column = block * kBlock + first_vector * kLanes;
  Floats total[ROWS][kBlockVectors];
  for (int v = 0; v < kBlockVectors; ++v) {
    for (int r = 0; r < ROWS; ++r) {
      total[r][v] = bias_at(p, column + v * kLanes);
    }
  }
  for (int g = 0; g < groups; ++g) {
    Floats sums[ROWS][kBlockVectors] = {};
    for (int i = 0; i < whole; ++i, words += kBlock, x += kFields) {
      UNROLL
      for (int line = 0; line < kBlockVectors * kLanes; line += kCacheLine) {
        __builtin_prefetch(words + kAhead + line);
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
        total[r][v] = fma(offset, all(group_sums[r * groups + g]), fma(scale, sums[r][v], total[r][v]));
      }
    }
    words += 2 * kBlock;
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int v = 0; v < kBlockVectors; ++v) {
      finish(p, row + r, column + v * kLanes, total[r][v]);
    }
  }
}

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
void blocks_of(const Product& p, Range rows, Range blocks) {
  for (int block = blocks.begin; block < blocks.end; ++block) {
    for (int row = rows.begin; row < rows.end; row += kBlockRows) {  // a block stays in the cache for all rows
      const int tall = rows.end - row < kBlockRows ? rows.end - row : kBlockRows;
      for (int v = 0; v < kBlock / kLanes; v += kBlockVectors) {
        block_rows<BITS, kBlockRows>(p, row, tall, block, v);
      }
    }
  }
}

inline void blocks(const Product& p, Range rows, Range blocks) {
  switch (p.bits) {
    case 2: return blocks_of<2>(p, rows, blocks);
    case 3: return blocks_of<3>(p, rows, blocks);
    case 4: return blocks_of<4>(p, rows, blocks);
    case 5: return blocks_of<5>(p, rows, blocks);
    case 6: return blocks_of<6>(p, rows, blocks);
    default: return blocks_of<8>(p, rows, blocks);
  }
}

// Sums of each group of one row of x, which the offsets are multiplied by.
inline void group_sums(const float* x, int inputs, int group, float* sums) {
  for (int g = 0; g < inputs / group; ++g) {
    Floats total = all(0.0f);
    for (int k = 0; k < group; k += kLanes) {
      total = total + load(x + g * group + k);
    }
    sums[g] = sum(total);
  }
}

}  // namespace nightingale::INSTRUCTION_SET
