"""Triton kernels for Kokoro's decoder: convolutions, and the norms and activations between them.

Tensors are (B, T, C). A program computes a tile of one utterance's positions. In the padding, tensors are zero where a
convolution reads them. Each kernel that writes a tensor also writes the moments of its tiles ("parts": mean and sum of
squared differences of the positions that belong to the utterance); an instance norm combines these.

`kokoro_operators` has the same functions with PyTorch's operators.
"""

import os

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
if not INTERPRETED:
    from triton.language.extra import libdevice

ROWS = 128  # positions of a tile
CONV = {"BN": 128, "BK": 64, "warps": 8, "stages": 3}  # the fastest on an H200: 450 to 650 TFLOP/s

Moments = tuple[Tensor, Tensor]  # means and reciprocal deviations (B, C)


@triton.jit
def _store_moments(x, rows, begin, length, parts, b, j, cols, inside, chunks, C, ROWS: tl.constexpr):
    own = (rows < length)[:, None]
    n = tl.maximum(tl.minimum(length - begin, ROWS), 1).to(tl.float32)
    mean = tl.sum(tl.where(own, x, 0.0), 0) / n
    off = tl.where(own, x - mean[None, :], 0.0)
    place = parts + (b * chunks + j) * 2 * C + cols
    tl.store(place, mean, mask=inside)
    tl.store(place + C, tl.sum(off * off, 0), mask=inside)


@triton.jit(do_not_specialize=["T", "chunks"])
def _moments_kernel(x, parts, lengths, T, chunks, C: tl.constexpr, BC: tl.constexpr, ROWS: tl.constexpr):
    j, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    rows, cols = j * ROWS + tl.arange(0, ROWS), tl.program_id(2) * BC + tl.arange(0, BC)
    length, inside = tl.load(lengths + b), cols < C
    tile = tl.load(
        x + b * T * C + rows[:, None] * C + cols[None, :], mask=(rows < length)[:, None] & inside[None, :], other=0.0
    )
    _store_moments(tile.to(tl.float32), rows, j * ROWS, length, parts, b, j, cols, inside, chunks, C, ROWS)


@triton.jit(do_not_specialize=["chunks"])
def _gather_kernel(parts, lengths, means, rstds, chunks, C: tl.constexpr, BC: tl.constexpr, BJ: tl.constexpr,
                   ROWS: tl.constexpr):  # fmt: skip
    """Moments of an utterance from those of its tiles (Chan's formula)."""
    b = tl.program_id(1).to(tl.int64)
    cols = tl.program_id(0) * BC + tl.arange(0, BC)
    length, inside = tl.load(lengths + b), cols < C
    used = tl.cdiv(length, ROWS)
    total, squares = tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32)
    for j0 in range(0, used, BJ):
        j = j0 + tl.arange(0, BJ)
        n = tl.minimum(length - j * ROWS, ROWS).to(tl.float32)[:, None]
        there = (j < used)[:, None] & inside[None, :]
        total += tl.sum(
            n * tl.load(parts + (b * chunks + j[:, None]) * 2 * C + cols[None, :], mask=there, other=0.0), 0
        )
    whole = total / length
    for j0 in range(0, used, BJ):
        j = j0 + tl.arange(0, BJ)
        n = tl.minimum(length - j * ROWS, ROWS).to(tl.float32)[:, None]
        there = (j < used)[:, None] & inside[None, :]
        place = parts + (b * chunks + j[:, None]) * 2 * C + cols[None, :]
        off = tl.load(place, mask=there, other=0.0) - whole[None, :]
        squares += tl.sum(tl.where(there, tl.load(place + C, mask=there, other=0.0) + off * off * n, 0.0), 0)
    tl.store(means + b * C + cols, whole, mask=inside)
    tl.store(rstds + b * C + cols, tl.rsqrt(squares / length + 1e-5), mask=inside)


@triton.jit
def _sine(turns, FAST: tl.constexpr):
    angle = (turns - tl.floor(turns + 0.5)) * 6.283185307179586
    return libdevice.fast_sinf(angle) if FAST else tl.sin(angle)


@triton.jit(do_not_specialize=["T", "stride"])
def _act_kernel(x, means, rstds, manner, stride, alpha, out, lengths, T, C: tl.constexpr, BC: tl.constexpr,
                ROWS: tl.constexpr, SNAKE: tl.constexpr, FAST: tl.constexpr):  # fmt: skip
    """Norm with a style's gammas and betas, then snake or leaky ReLU; zero in the padding."""
    j, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    rows, cols = j * ROWS + tl.arange(0, ROWS), tl.program_id(2) * BC + tl.arange(0, BC)
    inside = cols < C
    own = (rows < tl.load(lengths + b))[:, None] & inside[None, :]
    place = b * T * C + rows[:, None] * C + cols[None, :]
    scale = (1 + tl.load(manner + b * stride + cols, mask=inside, other=0.0)) * tl.load(
        rstds + b * C + cols, mask=inside, other=0.0
    )
    shift = tl.load(manner + b * stride + C + cols, mask=inside, other=0.0)
    shift -= tl.load(means + b * C + cols, mask=inside, other=0.0) * scale
    y = tl.load(x + place, mask=own, other=0.0).to(tl.float32) * scale[None, :] + shift[None, :]
    if SNAKE:
        a = tl.load(alpha + cols, mask=inside, other=1.0)[None, :]
        s = _sine(y * a * 0.15915494309189535, FAST)
        y += s * s / a
    else:
        y = tl.where(y > 0, y, 0.2 * y)
    tl.store(out + place, tl.where(own, y, 0.0).to(out.dtype.element_ty), mask=(rows < T)[:, None] & inside[None, :])


@triton.jit(do_not_specialize=["chunks", "dilation"])
def _conv_kernel(x, w, residual, out, bias, parts, lengths, chunks, dilation, C: tl.constexpr,
                 OUT: tl.constexpr, K: tl.constexpr, ROWS: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
                 ADD: tl.constexpr):  # fmt: skip
    """A convolution as a matrix product, plus a residual and a bias, and the moments of the result.

    x, w, residual and out are descriptors: the tensor memory accelerator reads zeros outside of an utterance.
    """
    n, j, b = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows, cols = j * ROWS + tl.arange(0, ROWS), n * BN + tl.arange(0, BN)
    total = tl.zeros((ROWS, BN), tl.float32)
    for step in range(K * (C // BK)):
        k, c = step // (C // BK), (step % (C // BK)) * BK
        tile = x.load([b, j * ROWS + (k - K // 2) * dilation, c]).reshape(ROWS, BK)
        total = tl.dot(tile, w.load([k * C + c, n * BN]), total)
    if ADD:
        total += residual.load([b, j * ROWS, n * BN]).reshape(ROWS, BN).to(tl.float32) + tl.load(bias + cols)[None, :]
    out.store([b, j * ROWS, n * BN], total.to(out.dtype).reshape(1, ROWS, BN))
    _store_moments(
        total, rows, j * ROWS, tl.load(lengths + b), parts, b.to(tl.int64), j, cols, cols < OUT, chunks, OUT, ROWS
    )


@triton.jit(do_not_specialize=["T", "chunks", "stride", "ahead"])
def _join_kernel(x, y, bias, out, parts, lengths, T, chunks, stride, ahead, C: tl.constexpr, ROWS: tl.constexpr):
    """out = x + y + bias and its moments. y has another length and is read from position `ahead` on; if that is
    negative, the second position of y is put before the first."""
    j, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    rows, cols = j * ROWS + tl.arange(0, ROWS), tl.arange(0, C)
    inside = (rows < T)[:, None]
    source = tl.where(ahead < 0, tl.where(rows == 0, 1, rows - 1) - ahead, rows + ahead)
    total = tl.load(x + b * T * C + rows[:, None] * C + cols[None, :], mask=inside, other=0.0).to(tl.float32)
    total += (
        tl.load(y + b * stride + source[:, None] * C + cols[None, :], mask=inside, other=0.0)
        + tl.load(bias + cols)[None, :]
    )
    tl.store(out + b * T * C + rows[:, None] * C + cols[None, :], total.to(out.dtype.element_ty), mask=inside)
    _store_moments(total, rows, j * ROWS, tl.load(lengths + b), parts, b, j, cols, cols < C, chunks, C, ROWS)


@triton.jit(do_not_specialize=["T"])
def _mean_kernel(x, y, z, out, lengths, T, slope, C: tl.constexpr, ROWS: tl.constexpr):
    """Leaky ReLU of the mean of three; zero in the padding."""
    j, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    rows = j * ROWS + tl.arange(0, ROWS)
    own = (rows < tl.load(lengths + b))[:, None]
    place = b * T * C + rows[:, None] * C + tl.arange(0, C)[None, :]
    mean = tl.load(x + place, mask=own, other=0.0).to(tl.float32) + tl.load(y + place, mask=own, other=0.0)
    mean = (mean + tl.load(z + place, mask=own, other=0.0)) / 3
    tl.store(out + place, tl.where(mean > 0, mean, slope * mean).to(out.dtype.element_ty), mask=(rows < T)[:, None])


@triton.jit(do_not_specialize=["halves"])
def _source_kernel(turns, f0, noise, weight, bias, out, halves, voiced_noise, unvoiced_noise, BLOCK: tl.constexpr,
                   HARMONICS: tl.constexpr, FAST: tl.constexpr):  # fmt: skip
    """turns: phase at the middle of each half-frame, in periods; between, it grows linearly."""
    b = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    half, inside = n // 300, n < halves * 300
    part = ((n % 300).to(tl.float32) + 0.5) / 300 - 0.5
    pitch = tl.load(f0 + b * halves + half, mask=inside, other=0.0)
    after = tl.load(f0 + b * halves + half + 1, mask=inside & (half + 1 < halves), other=0.0)
    step = tl.where(part < 0, tl.where(half == 0, 0.0, pitch), after)
    phase = tl.load(turns + b * halves + half, mask=inside, other=0.0) + part * step / 80
    total = tl.zeros((BLOCK,), tl.float32)
    for h in tl.static_range(HARMONICS):
        total += tl.load(weight + h) * _sine(phase * (h + 1), FAST)
    voiced = pitch > 10
    total = tl.where(voiced, total, 0.0) + tl.where(voiced, voiced_noise, unvoiced_noise) * tl.load(
        noise + b * halves * 300 + n, mask=inside, other=0.0
    )
    total = 2 / (1 + tl.exp(-2 * (total + tl.load(bias)))) - 1
    tl.store(out + b * halves * 300 + n, total, mask=inside)


def _parts(x: Tensor) -> Tensor:
    return torch.empty(x.shape[0], triton.cdiv(x.shape[1], ROWS), 2, x.shape[2], device=x.device)


def _gathered(parts: Tensor, lengths: Tensor) -> Moments:
    batch, chunks, _, C = parts.shape
    means, rstds = parts.new_empty(batch, C), parts.new_empty(batch, C)
    _gather_kernel[(triton.cdiv(C, 32), batch)](parts, lengths, means, rstds, chunks, C, 32, 64, ROWS)
    return means, rstds


def moments(x: Tensor, lengths: Tensor) -> Moments:
    batch, size, C = x.shape
    parts = _parts(x)
    _moments_kernel[(parts.shape[1], batch, triton.cdiv(C, 64))](x, parts, lengths, size, parts.shape[1], C, 64, ROWS)
    return _gathered(parts, lengths)


def act(x: Tensor, of: Moments, manner: Tensor, alpha: Tensor | None, lengths: Tensor) -> Tensor:
    """manner (B, 2 C): gammas, then betas. alpha: of the snake; without it a leaky ReLU."""
    batch, size, C = x.shape
    out, rows = torch.empty_like(x), 32
    _act_kernel[(triton.cdiv(size, rows), batch, triton.cdiv(C, 128))](
        x, *of, manner, manner.stride(0), alpha if alpha is not None else manner, out, lengths, size, C, 128, rows,
        alpha is not None, not INTERPRETED,
    )  # fmt: skip
    return out


def convolve(x: Tensor, w: Tensor, dilation: int, lengths: Tensor, residual: Tensor | None = None,
             bias: Tensor | None = None) -> tuple[Tensor, Moments]:  # fmt: skip
    """x (B, T, C), w (K, C, OUT) -> (B, T, OUT) plus residual and bias, and its moments."""
    (batch, size, C), (K, _, OUT) = x.shape, w.shape
    out = torch.empty(batch, size, OUT, dtype=x.dtype, device=x.device)
    parts, BN, BK = _parts(out), CONV["BN"], CONV["BK"]
    wide = TensorDescriptor.from_tensor(out, [1, ROWS, BN])
    launch = {} if INTERPRETED else {"num_warps": CONV["warps"], "num_stages": CONV["stages"]}
    _conv_kernel[(OUT // BN, parts.shape[1], batch)](
        TensorDescriptor.from_tensor(x, [1, ROWS, BK]), TensorDescriptor.from_tensor(w.view(K * C, OUT), [BK, BN]),
        wide if residual is None else TensorDescriptor.from_tensor(residual, [1, ROWS, BN]), wide,
        parts if bias is None else bias, parts, lengths, parts.shape[1], dilation, C, OUT, K, ROWS, BN, BK,
        residual is not None, **launch,
    )  # fmt: skip
    return out, _gathered(parts, lengths)


def join(x: Tensor, y: Tensor, bias: Tensor, ahead: int, lengths: Tensor) -> tuple[Tensor, Moments]:
    batch, size, C = x.shape
    out, parts = torch.empty_like(x), _parts(x)
    _join_kernel[(parts.shape[1], batch)](x, y, bias, out, parts, lengths, size, parts.shape[1], y.stride(0), ahead, C,
                                          ROWS, **({} if INTERPRETED else {"num_warps": 8}))  # fmt: skip
    return out, _gathered(parts, lengths)


def mean_of(x: Tensor, y: Tensor, z: Tensor, slope: float, lengths: Tensor) -> Tensor:
    out = torch.empty_like(x)
    _mean_kernel[(triton.cdiv(x.shape[1], 32), x.shape[0])](x, y, z, out, lengths, x.shape[1], slope, x.shape[2], 32)
    return out


def source(
    turns: Tensor, f0: Tensor, noise: Tensor, weight: Tensor, bias: Tensor, levels: tuple[float, float]
) -> Tensor:
    out = torch.empty_like(noise)
    _source_kernel[(triton.cdiv(noise.shape[1], 1024), len(noise))](
        turns, f0, noise, weight, bias, out, f0.shape[1], *levels, 1024, weight.numel(), not INTERPRETED
    )
    return out
