"""The voices of the model, in order. A voice's index is its number in shards and batches."""

VOICES = ("florence", "keats")  # append only: the index selects the speaker embedding
