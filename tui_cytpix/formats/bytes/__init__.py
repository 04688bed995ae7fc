"""Bytes of files, whatever they mean: in place, in archives, as pictures and arrays; names; files written whole."""
