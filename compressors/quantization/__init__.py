"""How numbers become integers: ranges, scales, and the integer forms of ops."""
