"""Training for eight voices, first step: a speech tokenizer that all of them share (run 14 in training/LOG.md).

    pack_teacher, phonemes     what the teacher needs: its weights and styles; the sentences as phonemes
    kokoro, synthesize         the teacher, Kokoro-82M in batches, and the shards of speech that it makes
    shards, train_tokenizer    the speech on the GPU, and the training
    checkpoint                 the trained encoder in int8, in this folder

S3Gen, HiFT, T3 and its draft have not been moved to these voices yet. Until they are, the other modules of `training`
train the bundled voices with the tokenizer of one voice.
"""
