"""Loads networks from checkpoints, for inference."""

from pathlib import Path

import torch

from training.common import load
from training.models.hift import HiFT, widened
from training.models.s3gen import S3Gen
from training.models.speech_tokenizer import Encoder


def load_encoder(path: Path, device: torch.device) -> Encoder:
    """The speech tokenizer."""
    encoder = Encoder().to(device).eval()
    encoder.load_state_dict(load(path, device)["encoder"])
    return encoder


def load_s3gen(path: Path, device: torch.device) -> S3Gen:
    model = S3Gen().to(device).eval()
    model.load_state_dict(load(path, device)["s3gen"])
    return model


def load_hift(path: Path, device: torch.device) -> HiFT:
    model = HiFT().to(device).eval()
    model.load_state_dict(widened(load(path, device)["hift"], model))
    return model
