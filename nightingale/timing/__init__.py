"""Chunks of sound to timed words and sentences, and to subtitles."""
