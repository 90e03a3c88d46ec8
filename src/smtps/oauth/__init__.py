"""From a login at an authorization server to access tokens for the mail server (OAuth 2)."""
