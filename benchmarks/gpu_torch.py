"""PyTorch worker of gpu.py: transformers' Llama, and S3Gen and HiFT of chatterbox-tts. Does not need this package."""

from __future__ import annotations

import argparse
import sys
import time
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from gpu_part import CFG, CONDITIONING, POSITIONS, SPEECH_TOKENS, TEXT, WIDTH, Part, run
from transformers import DynamicCache, LlamaConfig, LlamaModel, StaticCache

TESTS = Path(__file__).resolve().parent.parent / "tests" / "support"


class Torch(Part):
    """PyTorch: transformers' Llama, and S3Gen and HiFT of chatterbox-tts."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        torch.manual_seed(0)
        torch.set_grad_enabled(False)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        name = torch.cuda.get_device_name(0) if self.device == "cuda" else "cpu"
        self.report("device", text=f"torch {torch.__version__}, {name}")

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def model(self) -> tuple[Any, Any]:
        """The backbone in bfloat16, and the head."""
        config = LlamaConfig(
            hidden_size=WIDTH, num_hidden_layers=self.layers, num_attention_heads=16, num_key_value_heads=16,
            head_dim=64, intermediate_size=4096, vocab_size=8194,
        )  # fmt: skip
        with torch.device(self.device):
            model, head = LlamaModel(config), torch.nn.Linear(WIDTH, 8194, bias=False)
        return model.to(torch.bfloat16).eval(), head.to(torch.bfloat16)

    def rows(self, model: Any, count: int) -> Any:
        return torch.full((2, count, WIDTH), 0.1, dtype=model.dtype, device=self.device)

    def read(self, model: Any, embeds: Any, cache: Any) -> Any:
        return model(inputs_embeds=embeds, past_key_values=cache, use_cache=True).last_hidden_state

    def speak(self, model: Any, head: Any, more: int = 0) -> tuple[list[int], list[float]]:
        """Tokens and their times, by a minimal loop: embed, forward pass, guidance, sampling, id to the host."""
        cache, ids, stamps = DynamicCache(config=model.config), [], []
        states = self.read(model, self.rows(model, CONDITIONING + TEXT + more), cache)
        for _ in range(self.tokens + more):
            token = self.draw(head(states[:, -1]))
            ids.append(int(token))
            stamps.append(time.perf_counter())
            states = self.read(model, model.embed_tokens(token).expand(2, 1, WIDTH), cache)
        return ids, stamps

    def draw(self, logits: Any) -> Any:
        guided = logits[:1] + CFG * (logits[:1] - logits[1:])
        guided[:, SPEECH_TOKENS:] = -float("inf")
        return torch.multinomial(torch.softmax(guided.float() / 0.8, dim=-1), 1)

    def t3(self) -> None:
        model, head = self.model()

        def read(count: int) -> Callable[[], None]:
            cache, embeds = DynamicCache(config=model.config), self.rows(model, count)
            self.read(model, self.rows(model, POSITIONS), cache)

            def run() -> None:
                head(self.read(model, embeds, cache))
                self.wait()
                cache.crop(-count)

            return run

        def prompt(more: int) -> None:
            self.read(model, self.rows(model, CONDITIONING + TEXT + more), DynamicCache(config=model.config))
            self.wait()

        self.rate(lambda: self.speak(model, head)[1])
        self.times("CFG, prompt", prompt)
        self.passes(read)
        with self.guarded("CUDA graph"):
            self.rate(self.graph(model, head), "torch, graph")

    def graph(self, model: Any, head: Any) -> Callable[[], list[float]]:
        """A step as a CUDA graph over a static cache: the lowest cost on the host that PyTorch allows."""
        cache = StaticCache(config=model.config, max_cache_len=512)
        self.read(model, self.rows(model, CONDITIONING + TEXT), cache)
        token = torch.zeros((1, 1), dtype=torch.long, device=self.device)

        def step() -> Any:
            return head(self.read(model, model.embed_tokens(token).expand(2, 1, WIDTH), cache)[:, -1])

        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(3):
                step()
        self.wait()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = step()

        def speak() -> list[float]:
            for layer in cache.layers:
                layer.cumulative_length.fill_(CONDITIONING + TEXT)
            stamps = []
            for _ in range(self.tokens):
                graph.replay()
                token.copy_(self.draw(logits.clone()))
                token.item()
                stamps.append(time.perf_counter())
            return stamps

        return speak

    def sound_models(self) -> tuple[Any, Any]:
        sys.path.insert(0, str(TESTS))
        from make_golden_t3 import open_package

        if find_spec("soundfile") is None:  # only needed for recordings
            sys.modules["soundfile"] = types.ModuleType("soundfile")
            sys.modules["soundfile"].__spec__ = ModuleSpec("soundfile", None)
        open_package()
        from chatterbox.models.s3gen import s3gen

        s3gen.S3Tokenizer = lambda name: torch.nn.Linear(1, 1)  # for recordings; not timed here
        both = s3gen.S3Token2Wav().eval().to(self.device)
        return both.flow, both.mel2wav

    def mel(self, flow: Any, ids: Any) -> Any:
        count, none = (torch.tensor([n], device=self.device) for n in (ids.shape[1], 0))
        nothing, speaker = torch.zeros(1, 0, 80, device=self.device), torch.ones(1, 192, device=self.device)
        return flow.inference(
            ids, count, ids[:, :0], none, nothing, None, speaker, finalize=True, n_timesteps=10
        )[0]  # fmt: skip

    def sound(self) -> None:
        (model, head), (flow, hift) = self.model(), self.sound_models()

        def sentence(more: int) -> None:
            ids = torch.tensor([self.speak(model, head, more)[0]], device=self.device)
            hift.inference(speech_feat=self.mel(flow, ids))[0].cpu()

        self.first("sentence", sentence)
        self.times("sentence", sentence)
        ids = torch.randint(0, SPEECH_TOKENS, (1, longest := self.tokens + 2 * self.repeat), device=self.device)
        mel = torch.randn(1, 80, 2 * longest, device=self.device)
        size = self.tokens + self.repeat  # longer than all sentences above

        def s3gen_pass(more: int) -> None:
            self.mel(flow, ids[:, : size + more])
            self.wait()

        def hift_pass(more: int) -> None:
            hift.inference(speech_feat=mel[:, :, : 2 * (size + more)])
            self.wait()

        self.times("S3Gen", s3gen_pass)
        self.times("HiFT", hift_pass)


if __name__ == "__main__":
    run(Torch)
