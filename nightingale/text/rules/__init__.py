"""Rules that read a folded sentence aloud: each takes a text and returns it with one kind of thing in words."""
