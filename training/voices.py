"""The voices that one set of models speaks with: a voice's place here is its number in speech and batches."""

VOICES = ("florence", "keats")  # only ever longer: the number picks the speaker embedding
