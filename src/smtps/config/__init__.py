"""What the operator has decided: read by shell and service alike."""
