"""Text as typed to sentences as spoken: decoding, splitting, normalization."""
