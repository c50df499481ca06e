"""Bytes on the client's side of the edge: the few fields we act on, everything else carried through untouched."""
