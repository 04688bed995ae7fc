"""Thumbnails: sorted, filtered, marked and paged."""
