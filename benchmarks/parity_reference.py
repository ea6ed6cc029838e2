"""The modules of chatterbox-tts with random weights, for parity.py. Imports PyTorch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import mlx.core as mx
import numpy as np
import torch

Module = Any  # of PyTorch, which has no types here
POSITIVE = ("alpha", "running_var")


def official(name: str) -> Any:
    """A module of the chatterbox package, without the package's __init__, which imports its whole program."""
    if "chatterbox" not in sys.modules:
        found = importlib.util.find_spec("chatterbox")
        assert found is not None and found.submodule_search_locations
        package = sys.modules["chatterbox"] = types.ModuleType("chatterbox")
        package.__path__ = [str(Path(found.submodule_search_locations[0]))]
        sys.modules.setdefault("perth", types.ModuleType("perth"))  # the watermark, which is not compared
    return importlib.import_module(f"chatterbox.{name}")


def randomize(module: Module, seed: int) -> Module:
    """Weights of a healthy size: matrices keep the size of their input, gains are near one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if not value.is_floating_point() or name.endswith(("_mel_filters", "window", "original0")):
                continue
            value.normal_(generator=generator)
            if name.endswith(POSITIVE) or (value.ndim == 1 and name.endswith("weight")):
                value.mul_(0.3).exp_()
            elif value.ndim <= 1 or "pos_bias" in name:
                value.mul_(0.3)
            else:
                value.div_(value[0].numel() ** 0.5)
        for part in module.modules():  # a weight norm that changes nothing
            if hasattr(part, "parametrizations"):
                parts = part.parametrizations.weight
                direction = parts.original1
                parts.original0.copy_(direction.flatten(1).norm(dim=1).reshape(parts.original0.shape))
    return module.eval()


def english_t3() -> Module:
    """T3 of the English model."""
    return randomize(official("models.t3").T3(), 1)


def gpt2_t3(width: int, num_layers: int, num_heads: int) -> Module:
    """T3 of Turbo or Nano, as tts_turbo.py makes it."""
    configs = official("models.t3.llama_configs").LLAMA_CONFIGS
    sizes = {"n_embd": width, "hidden_size": width, "n_layer": num_layers, "n_head": num_heads}
    configs["parity"] = configs["GPT2_medium"] | sizes
    hp = official("models.t3.modules.t3_config").T3Config(text_tokens_dict_size=50_276)
    hp.llama_config_name, hp.speech_tokens_dict_size, hp.input_pos_emb = "parity", 6563, None
    hp.speech_cond_prompt_len, hp.use_perceiver_resampler, hp.emotion_adv = 375, False, False
    module = official("models.t3").T3(hp)
    del module.tfmr.wte
    return randomize(module, 5)


def s3gen(meanflow: bool) -> Module:
    """S3Gen with HiFT, the speech tokenizer and the speaker encoder."""
    module = randomize(official("models.s3gen").S3Gen(meanflow=meanflow), 2 + meanflow)
    with torch.no_grad():
        # Random weights saturate the samples; a smaller last layer keeps them inside the limit.
        module.mel2wav.conv_post.parametrizations.weight.original0.mul_(0.25)
    return module


def voice_encoder() -> Module:
    """The network of T3's speaker embedding."""
    return randomize(official("models.voice_encoder").VoiceEncoder(), 4)


def arrays(module: Module) -> dict[str, mx.array]:
    """The entries of a checkpoint file of this module."""
    return {name: mx.array(value.numpy()) for name, value in module.state_dict().items()}


@contextmanager
def injected_noise(noise: mx.array) -> Iterator[None]:
    """The flow begins with this noise, (1, 80, T)."""
    with mock.patch.object(torch, "randn_like", lambda like: tensor(noise).expand(like.shape)):
        yield


def tensor(array: Any) -> Any:
    """An array of NumPy or MLX as a tensor of PyTorch."""
    return torch.from_numpy(np.array(array))


def t3_run(
    module: Module, speaker: Any, prompt: Any, text_ids: list[int], num_tokens: int, cfg_weight: float
) -> tuple[Any, Any]:
    """The official loop at a temperature of nearly 0: its logits (B, N, V) before guidance, and its tokens (N,).

    B is 2 with guidance, and 1 for GPT-2, which has none.
    """
    hp = module.hp
    conditions = official("models.t3.modules.cond_enc").T3Cond(
        speaker_emb=tensor(speaker)[None], cond_prompt_speech_tokens=tensor(prompt)[None].long(),
        emotion_adv=0.5 * torch.ones(1, 1, 1),
    )  # fmt: skip
    steps: list[Any] = []
    hook = module.speech_head.register_forward_hook(lambda _, inputs, output: steps.append(output[:, -1].clone()))
    if module.is_gpt:
        with torch.inference_mode():
            tokens = module.inference_turbo(
                conditions, torch.tensor([text_ids]), temperature=1e-5, top_k=0, top_p=1.0, repetition_penalty=1.0,
                max_gen_len=num_tokens - 1,
            )  # fmt: skip
    else:
        text = torch.tensor([hp.start_text_token, *text_ids, hp.stop_text_token])
        tokens = module.inference(
            t3_cond=conditions, text_tokens=torch.stack([text, text]), max_new_tokens=num_tokens, temperature=1e-5,
            top_p=1.0, min_p=0.05, repetition_penalty=1.0, cfg_weight=cfg_weight,
        )  # fmt: skip
    hook.remove()
    return torch.stack(steps[:num_tokens], dim=1).numpy(), tokens[0].numpy()


def prepare_voice(s3gen_module: Module, voice_module: Module, path: str, prompt_tokens: int) -> Any:
    """What the official program makes of a recording, for a T3 with a prompt of so many tokens."""
    program = types.SimpleNamespace(
        s3gen=s3gen_module, ve=voice_module, device="cpu", ENC_COND_LEN=prompt_tokens * 640, DEC_COND_LEN=240_000,
        t3=types.SimpleNamespace(hp=types.SimpleNamespace(speech_cond_prompt_len=prompt_tokens)),
    )  # fmt: skip
    official("tts").ChatterboxTTS.prepare_conditionals(program, path)
    return program.conds
