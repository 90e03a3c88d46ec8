"""The sandbox's authorization server: OAuth 2 as Microsoft, Google or the open profile speak it."""
