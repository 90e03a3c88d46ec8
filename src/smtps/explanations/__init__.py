"""What the words on a screen mean: any program's error message, a reply, a number, a code of ours.

No network, and nothing that takes long to load: the tables are data, in ``wordings.toml`` and
``replies.toml``.
"""
