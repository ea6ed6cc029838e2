"""The networks that turn a reference recording into a voice. Their inputs are computed by nightingale/cloning."""

import mlx.nn as nn

from nightingale.models.cloning.speaker_encoder import SpeakerEncoder
from nightingale.models.cloning.speech_tokenizer import SpeechTokenizer
from nightingale.models.cloning.voice_encoder import VoiceEncoder
from nightingale.models.config import CloningConfig


class CloningNetworks(nn.Module):
    """The three networks as one module, so that one file holds them.

    voice_encoder: mel (1, T, 40) -> T3's speaker embedding. speech_tokenizer: log mel (1, T, 128) -> speech tokens.
    speaker_encoder: filter bank (1, T, 80) -> S3Gen's speaker embedding.
    """

    def __init__(self, config: CloningConfig) -> None:
        super().__init__()
        self.config = config
        self.voice_encoder = VoiceEncoder(config.voice_encoder)
        self.speech_tokenizer = SpeechTokenizer(config.speech_tokenizer)
        self.speaker_encoder = SpeakerEncoder(config.speaker_encoder)


__all__ = ["CloningNetworks"]
