"""The paths, by what they are for. Each module makes a router from the service."""
