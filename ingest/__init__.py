"""Files become observations: open a path, skip what is recorded, parse, assemble, store."""
