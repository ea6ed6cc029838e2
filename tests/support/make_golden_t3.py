"""Writes tests/golden/t3.npz, t3_gpt2.npz and t3_names.npz from the official PyTorch T3 at tiny random sizes.

    pip install torch transformers einops tqdm scipy conformer diffusers && pip install --no-deps chatterbox-tts
    python tests/support/make_golden_t3.py

The official package's own __init__ imports its whole application, so its modules are imported from beside it, with
stand-ins for what only reads sound files.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import GPT2Config, GPT2Model, LlamaConfig, LlamaModel  # noqa: F401 (before the stand-ins)

GOLDEN = Path(__file__).parents[1] / "golden"

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
    "intermediate_size": 24, "rms_norm_eps": 1e-5,
}  # fmt: skip
# Wavelengths of these four frequencies fall below, into (twice) and above Llama 3's range of interpolation.
ROPE = {
    "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64, "rope_type": "llama3",
}  # fmt: skip


class StandIn(types.ModuleType):
    """A module that has everything and does nothing."""

    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name)

    def __call__(self, *args: object, **kwargs: object) -> None:
        return None


def open_package() -> None:
    """Make `chatterbox.models...` importable."""
    for name in ("diffusers.models.attention_processor", "diffusers.models.lora", "conformer", "scipy.signal"):
        importlib.import_module(name)  # they look for the modules that are stood in for below
    spec = importlib.util.find_spec("chatterbox")
    assert spec is not None and spec.submodule_search_locations is not None
    package = types.ModuleType("chatterbox")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["chatterbox"] = package
    for name in ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi"):
        sys.modules[name] = StandIn(name)
    for name in ("librosa", "librosa.filters", "onnx"):
        sys.modules[name] = StandIn(name)


def tiny_t3() -> torch.nn.Module:
    """The official class with every size small and every weight random, a float16 number."""
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS
    from chatterbox.models.t3.modules import cond_enc
    from chatterbox.models.t3.modules.perceiver import Perceiver
    from chatterbox.models.t3.modules.t3_config import T3Config

    base = {k: v for k, v in LLAMA_CONFIGS["Llama_520M"].items() if k not in ("rope_scaling", "rope_theta")}
    LLAMA_CONFIGS["tiny"] = base | SIZES | {"rope_parameters": ROPE, "torch_dtype": "float32"}
    cond_enc.Perceiver = lambda: Perceiver(4, SIZES["hidden_size"], SIZES["hidden_size"], 2)
    config = T3Config(text_tokens_dict_size=20)
    config.llama_config_name = "tiny"
    config.start_text_token, config.stop_text_token, config.max_text_tokens = 18, 0, 12
    config.start_speech_token, config.stop_speech_token = 24, 25
    config.speech_tokens_dict_size, config.max_speech_tokens = 28, 20
    config.speaker_embed_size = 6
    return with_random_weights(T3(config), seed=12)


def gpt2_t3(name: str, hidden_size: int, num_layers: int, num_heads: int, max_positions: int) -> torch.nn.Module:
    """The official class as tts_turbo.py makes it, for Turbo and Nano, at these sizes."""
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS
    from chatterbox.models.t3.modules.t3_config import T3Config

    sizes = {
        "hidden_size": hidden_size, "n_embd": hidden_size, "n_layer": num_layers, "n_head": num_heads,
        "n_positions": max_positions, "n_ctx": max_positions,
    }  # fmt: skip
    LLAMA_CONFIGS[name] = LLAMA_CONFIGS["GPT2_medium"] | sizes
    config = T3Config(text_tokens_dict_size=50_276)
    config.llama_config_name, config.speech_tokens_dict_size, config.input_pos_emb = name, 6563, None
    config.use_perceiver_resampler = config.emotion_adv = False
    if name == "tiny_gpt2":
        config.text_tokens_dict_size, config.speaker_embed_size = 20, 6
        config.start_speech_token, config.stop_speech_token, config.speech_tokens_dict_size = 24, 25, 26
        LLAMA_CONFIGS[name]["vocab_size"] = 20
    return T3(config)


def with_random_weights(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    model.eval()
    for name, parameter in model.named_parameters():
        is_position = "pos_emb" in name or "wpe" in name
        values = torch.randn(parameter.shape) * (0.3 if is_position else parameter.shape[-1] ** -0.5)
        if ("norm" in name or ".ln_" in name) and name.endswith("weight"):
            values = 1 + values
        if name == "speech_head.weight":
            values *= 4  # peaked, so that the order of the filters shows in what is chosen
        parameter.data = values.half().float()
    return model


def run(model: torch.nn.Module, repetition_penalty: float) -> dict[str, np.ndarray]:
    """What the official inference loop is given, every step's logits and what it chooses; nearly without chance."""
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    torch.manual_seed(4)
    speaker, prompt = torch.randn(1, 6).half().float(), torch.randint(0, 24, (1, 7))
    emotion = 0.4 * torch.ones(1, 1, 1)
    text = torch.tensor([18, 3, 7, 7, 11, 2, 0])
    steps: list[torch.Tensor] = []
    hook = model.speech_head.register_forward_hook(lambda module, inputs, output: steps.append(output[:, -1]))
    # 1e-3 of a temperature is an argmax, and leaves penalty and guidance to be seen.
    tokens = model.inference(
        t3_cond=T3Cond(speaker_emb=speaker, cond_prompt_speech_tokens=prompt, emotion_adv=emotion),
        text_tokens=torch.stack([text, text]), max_new_tokens=12, temperature=1e-3, top_p=1.0, min_p=0.05,
        repetition_penalty=repetition_penalty, cfg_weight=0.5,
    )  # fmt: skip
    hook.remove()
    return {
        "speaker_embed": speaker[0].numpy(), "prompt_tokens": prompt[0].int().numpy(), "emotion": np.float32(0.4),
        "text_ids": text[1:-1].numpy(), "logits": torch.stack(steps).numpy(), "tokens": tokens[0].int().numpy(),
    }  # fmt: skip


def run_gpt2(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """As `run`, for the loop of Turbo and Nano."""
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    torch.manual_seed(5)
    speaker, prompt = torch.randn(1, 6).half().float(), torch.randint(0, 24, (1, 7))
    text = torch.tensor([[3, 7, 7, 11, 2]])
    steps: list[torch.Tensor] = []
    hook = model.speech_head.register_forward_hook(lambda module, inputs, output: steps.append(output[:, -1]))
    tokens = model.inference_turbo(
        T3Cond(speaker_emb=speaker, cond_prompt_speech_tokens=prompt), text, temperature=1e-3, top_k=20, top_p=0.95,
        repetition_penalty=1.3, max_gen_len=11,
    )  # fmt: skip
    hook.remove()
    return {
        "speaker_embed": speaker[0].numpy(), "prompt_tokens": prompt[0].int().numpy(), "text_ids": text[0].numpy(),
        "logits": torch.stack(steps).detach().numpy(), "tokens": tokens[0].int().numpy(),
    }  # fmt: skip


def official_names() -> dict[str, np.ndarray]:
    """Names and shapes of the official checkpoints at their own size, as text."""
    with torch.device("meta"):
        from chatterbox.models.s3gen import s3gen
        from chatterbox.models.t3 import T3

        s3gen.S3Tokenizer = lambda name: torch.nn.Linear(1, 1)  # remap drops it whole, by its prefix
        from chatterbox.models.t3.modules.t3_config import T3Config

        plain = s3gen.S3Token2Wav().state_dict()
        meanflow = s3gen.S3Token2Wav(meanflow=True).state_dict()
        states = {
            "t3": T3().state_dict(), "s3gen": plain, "t3_multilingual": T3(T3Config.multilingual()).state_dict(),
            "t3_turbo": gpt2_t3("turbo", 1024, 24, 16, 8196).state_dict(),
            "t3_nano": gpt2_t3("nano", 768, 12, 12, 8196).state_dict(),
            "s3gen_meanflow_only": {name: value for name, value in meanflow.items() if name not in plain},
        }  # fmt: skip
        assert set(plain) <= set(meanflow)
    # Of the two parts that are dropped whole, a few names are enough.
    lines = {
        part: [
            f"{name} {'x'.join(map(str, value.shape))}"
            for name, value in state.items()
            if not name.startswith("speaker_encoder.") or ".head." in name
        ]
        for part, state in states.items()
    }
    return {part: np.array("\n".join(names)) for part, names in lines.items()}


def main() -> None:
    open_package()
    names = official_names()  # first: what is made small stays small
    model = tiny_t3()
    weights = {f"official.{name}": value.half().numpy() for name, value in model.state_dict().items()}
    arrays = run(model, repetition_penalty=1.3)
    assert arrays["tokens"].tolist() != run(model, repetition_penalty=1.0)["tokens"].tolist(), "take another seed"
    np.savez_compressed(GOLDEN / "t3.npz", **arrays, **weights)
    np.savez_compressed(GOLDEN / "t3_names.npz", **names)
    gpt2 = with_random_weights(gpt2_t3("tiny_gpt2", 16, 2, 2, 64), seed=13)
    weights = {f"official.{name}": value.half().numpy() for name, value in gpt2.state_dict().items()}
    np.savez_compressed(GOLDEN / "t3_gpt2.npz", **run_gpt2(gpt2), **weights)
    print(f"transformers {transformers.__version__}, torch {torch.__version__}: tokens {arrays['tokens'].tolist()}")


if __name__ == "__main__":
    main()
