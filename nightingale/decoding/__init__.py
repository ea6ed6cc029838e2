"""Text ids to speech tokens: the token loop, drafts and sampling."""
