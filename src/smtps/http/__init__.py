"""The HTTP face: translates requests into calls and results into answers; decides nothing."""
