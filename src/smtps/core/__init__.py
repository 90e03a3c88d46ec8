"""The SMTP language: bytes in, values out. No I/O, no clock, standard library only."""
