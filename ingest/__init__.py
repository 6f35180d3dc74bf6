"""How archives are read: discover, skip what is known, parse, assemble, write."""
