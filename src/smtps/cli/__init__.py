"""The shell's face: thin skins over the floors below. Each command loads what it needs when run."""
