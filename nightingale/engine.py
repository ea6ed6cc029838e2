"""Text to chunks of sound: wires text, tokenizer, token loop and vocoder.

Decides the order of the steps, the keys of the noise and the pauses between sentences, and nothing else.
"""

# ruff: noqa: E402
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias
from unicodedata import east_asian_width

from nightingale.kernels.blas import use_openblas

# The only side effect of an import in this package: mlx binds to a BLAS when it is first imported, and never again.
BLAS = use_openblas()

import mlx.core as mx
import numpy as np

from nightingale.audio.chunk import SAMPLE_RATE, AudioChunk, Word
from nightingale.checkpoints.loading import load_model
from nightingale.checkpoints.voices import load_voice
from nightingale.decoding.alignment import WordTimer
from nightingale.decoding.loop import Draft, Request, T3Session, generate, token_limit
from nightingale.decoding.sampling import Sampler
from nightingale.decoding.stopping import stop_repetition
from nightingale.errors import CheckpointMismatch
from nightingale.kernels import backend
from nightingale.kernels.noise import fold_in, seed_key
from nightingale.models.voice import Voice
from nightingale.options import DEFAULT_VOICE, CacheOptions, SamplingOptions, SpeakOptions
from nightingale.statistics import Statistics
from nightingale.text.plain import read_plain_sentences
from nightingale.text.respelling import Respelling
from nightingale.text.spellings.user_lexicon import Lexicon
from nightingale.text.split import CUT_MARK, MAX_CHARS
from nightingale.text.stream import Sentence, read_sentences
from nightingale.vocoding import NoiseKeys, make_vocoder

logger = logging.getLogger(__name__)

Samples: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float32]]

_TOKENS, _FLOW, _SOURCE = range(3)  # separate noise keys for sampling, flow and harmonic source
_CLAUSE_SHARE = 0.25  # of the pause between sentences, where a long sentence was cut


class Engine:
    """A loaded model with a voice. Not thread-safe.

    statistics: of the newest text.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        voice: str | Voice | None = None,
        *,
        bits: int | None = None,
        speculate: bool = False,
        cache: CacheOptions | None = None,
        lexicon: Lexicon | None = None,
        language: str | None = None,
    ) -> None:
        """Load a model and a voice, the bundled ones by default. Raises VoiceNotFound or CheckpointMismatch.

        bits: of the layers of T3 and of the draft: 8, 6, 5, 4, 3, 2, or 32 for floats; None as they are stored.
        speculate: let the draft model guess tokens ahead, as long as that is measured to be faster. With the native
        kernels the tokens stay the same. Without them the rows of a pass differ in their last bits from a pass of one
        row, so near-ties may be decided otherwise.
        cache: how T3 caches keys and values; None for all of them as floats. Another cache changes the tokens.
        lexicon: how words are read. A change takes effect with the next text.
        language: of the text, a code of two letters, for a multilingual model; None for English.
        """
        # Speculation is off by default: with the bundled draft it costs more time than it saves
        # (benchmarks/speculation.py).
        self._model = load_model(Path(model) if model is not None else None, bits, speculate, language)
        self.lexicon = lexicon
        self._bundled, self._language = model is None, language or "en"
        self._cache = cache
        draft = self._model.draft
        self._draft = Draft(draft) if draft is not None else None
        if speculate and draft is None:
            logger.warning("this model has no draft: it speaks without speculation")
        if problem := backend.missing_kernels():
            logger.warning("speech is slower than it could be; the native kernels are %s", problem)
        self.statistics = Statistics()
        config = self._model.config
        self.use_voice(self._default_voice() if voice is None else voice)
        self._vocoder = make_vocoder(self._model.s3gen, self._model.hift, config.output)
        self._max_chars = min(MAX_CHARS, config.t3.max_text_tokens)  # a text token is a character or more
        ids = mx.arange(config.t3.speech_vocab_size)
        self._forbidden = (ids >= config.s3gen.encoder.vocab_size) & (ids != config.t3.stop_speech_token)
        mx.eval(self._forbidden)

    def use_voice(self, voice: str | Voice) -> None:
        """Change the voice. On VoiceNotFound or CheckpointMismatch the old one stays."""
        found = voice if isinstance(voice, Voice) else load_voice(voice)
        self._check_voice(found)
        conditioning = self._model.t3.condition(found)
        mx.eval(conditioning)
        self.voice, self._conditioning = found, conditioning
        self._exaggerated: tuple[float, mx.array] | None = None

    @staticmethod
    def arithmetic() -> dict[str, str]:
        """The BLAS and the kernels that compute, for people."""
        return {"blas": BLAS or "MLX's own", "kernels": backend.description()}

    def close(self) -> None:
        """Release what MLX holds for the calling thread. The engine cannot speak afterwards.

        Call it last in a thread that is not the main one. Otherwise MLX's destructors run while the thread ends, and if
        the interpreter ends at the same time, the process aborts (https://github.com/ml-explore/mlx/pull/4110).
        """
        mx.clear_streams()

    def speak(
        self,
        text: str | Iterable[str | None],
        options: SpeakOptions | None = None,
        statistics: Statistics | None = None,
    ) -> Iterator[AudioChunk]:
        """Speak a text, or pieces of text as they arrive; each sentence is spoken as soon as it is complete.

        None among the pieces is a pause of the writer: the text before it is spoken without waiting for its end.
        statistics: a record to fill in; a new one by default. Characters that cannot be spoken are logged as a warning.
        """
        self.statistics = statistics or Statistics()
        pieces: Iterable[str | None] = [text] if isinstance(text, str) else text
        pieces = self.statistics.time_text(pieces)
        return self.statistics.time_chunks(self._speak(pieces, options or SpeakOptions()))

    def _speak(self, pieces: Iterable[str | None], options: SpeakOptions) -> Iterator[AudioChunk]:
        """Sentences with pauses between. Where the text pauses, the silence does not wait for the next sentence."""
        before: Sentence | None = None
        index = paused = 0  # sentences so far; samples of silence after the newest one so far
        for sentence in self._sentences(pieces):
            if before is not None and len(silence := _pause(before, sentence, options)[paused:]):
                yield _chunk(silence, index - 1, before)
                paused += len(silence)
            if sentence is not None:
                yield from self._speak_sentence(sentence, index, options)
                before, index, paused = sentence, index + 1, 0

    def _sentences(self, pieces: Iterable[str | None]) -> Iterator[Sentence | None]:
        """The text as it will be spoken. The rules for numbers and the like, and the lexicon, are for English."""
        if self._language != "en":
            return read_plain_sentences(pieces, self._max_chars)
        words = self.lexicon.table(self.voice.name) if self.lexicon else None
        respelling = Respelling(words, self._bundled, self._model.tokenizer.tags)
        return read_sentences(pieces, self._max_chars, respelling)

    def _speak_sentence(self, sentence: Sentence, index: int, options: SpeakOptions) -> Iterator[AudioChunk]:
        """One sentence, chunk by chunk where the vocoder can stream."""
        text = sentence.text
        key = fold_in(seed_key(options.seed), index)
        num_before = self.statistics.num_tokens
        session = T3Session(self._model.t3, self._sampling(options).cfg_weight, self._cache)
        text_ids, offsets = self._model.tokenizer.encode_with_offsets(text)
        timer = self._word_timer(session, text, offsets, options.speed)
        tokens = self._speech_tokens(session, text, text_ids, fold_in(key, _TOKENS), options)
        first = next(tokens, None)
        if first is None:
            logger.warning("the voice found nothing to say: %s", text)
            return
        keys = NoiseKeys(fold_in(key, _FLOW), fold_in(key, _SOURCE))
        for samples in self._vocoder.stream(chain([first], tokens), self.voice, keys, options.speed):
            ended = self.statistics.stop_reason != "unfinished"
            words = timer.words(self.statistics.num_tokens - num_before, samples, ended) if timer else ()
            yield _chunk(samples, index, sentence, words)
        if self.statistics.stop_reason in ("token limit", "repetition"):
            num_tokens = self.statistics.num_tokens - num_before
            logger.warning("a sentence did not come to its end and was cut after %d tokens: %s", num_tokens, text)

    def _word_timer(self, session: T3Session, text: str, offsets: list[int], speed: float) -> WordTimer | None:
        """None if no attention head of the model is known to follow the text."""
        alignment = self._model.config.t3.alignment
        if alignment is None:
            return None
        return WordTimer(session, alignment, text, offsets, speed, self.statistics.sound_s)

    def _speech_tokens(
        self, session: T3Session, text: str, text_ids: list[int], key: mx.array, options: SpeakOptions
    ) -> Iterator[int]:
        if not text_ids:  # T3 would invent speech
            return iter(())
        output = self._model.config.output
        limit = min(token_limit(_reading_length(text)), output.max_tokens or sys.maxsize)
        request = Request(text_ids, Sampler(self._sampling(options), key, self._forbidden), limit)
        conditioning = self._conditioning_for(options.exaggeration)
        tokens = generate(session, conditioning, request, self.statistics, self._draft)
        if output.max_repeats is not None:
            tokens = stop_repetition(tokens, output.max_repeats, self.statistics)
        return self.statistics.time_tokens(tokens)

    def _default_voice(self) -> str | Voice:
        """The voice that comes with the model, or the bundled one."""
        return self._model.voice or DEFAULT_VOICE

    def _sampling(self, options: SpeakOptions) -> SamplingOptions:
        """The model's sampling with what the options change. Guidance needs a model that was trained for it."""
        sampling = options.sampling(self._model.config.sampling)
        return sampling if self._model.config.t3.guidance else replace(sampling, cfg_weight=0.0)

    def _conditioning_for(self, exaggeration: float | None) -> mx.array:
        """The conditioning of the voice, with this exaggeration instead of the voice's own if the model has it."""
        if exaggeration is None or not self._model.config.t3.emotion:
            return self._conditioning
        if self._exaggerated is None or self._exaggerated[0] != exaggeration:
            voice = replace(self.voice, t3_emotion=mx.array(exaggeration))
            self._exaggerated = exaggeration, self._model.t3.condition(voice)
        return self._exaggerated[1]

    def _check_voice(self, voice: Voice) -> None:
        """Raise CheckpointMismatch unless the voice has the sizes and the token ids of the model.

        Sizes are not enough for a cloned voice: the bundled model has embeddings of the same size, of other networks.
        """
        config = self._model.config
        if voice.model is not None and config.cloning is None:
            raise CheckpointMismatch(
                f'voice "{voice.name}" speaks only with the model that made it; add --model {voice.model}'
            )
        sizes = (
            ("t3.speaker_embed", voice.t3_speaker_embed.size, config.t3.speaker_embed_size),
            ("s3gen.speaker_embed", voice.s3gen_speaker_embed.size, config.s3gen.speaker_embed_size),
        )
        for name, has, needs in sizes:
            if has != needs:
                raise CheckpointMismatch(f'voice "{voice.name}": {name} has {has} values, the model reads {needs}')
        prompts = (
            ("t3.prompt_tokens", voice.t3_prompt_tokens, config.t3.speech_vocab_size),
            ("s3gen.prompt_tokens", voice.s3gen_prompt_tokens, config.s3gen.encoder.vocab_size),
        )
        for name, tokens, size in prompts:  # MLX would read past the end of the embedding table
            if tokens is not None and mx.any((tokens < 0) | (tokens >= size)):
                raise CheckpointMismatch(f'voice "{voice.name}": {name} has token ids outside the {size} of the model')


def _reading_length(text: str) -> int:
    """Characters, where one of a wide script counts as three: it takes as long to read."""
    return sum(3 if east_asian_width(char) in "WF" else 1 for char in text)


def _chunk(samples: Samples, index: int, sentence: Sentence, words: tuple[Word, ...] = ()) -> AudioChunk:
    return AudioChunk(samples, SAMPLE_RATE, index, sentence.text, words, sentence.typed, sentence.start)


def _pause(before: Sentence, after: Sentence | None, options: SpeakOptions) -> Samples:
    """The silence between two sentences. after: None if it has not arrived."""
    paragraph = after is not None and after.paragraph
    pause_ms = float(options.paragraph_silence_ms if paragraph else options.sentence_silence_ms)
    if before.text.endswith(CUT_MARK) and not paragraph:
        pause_ms *= _CLAUSE_SHARE
    return np.zeros(round(pause_ms * SAMPLE_RATE / 1000), dtype=np.float32)
