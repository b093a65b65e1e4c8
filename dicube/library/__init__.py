"""A folder of cube files, and what is known of each without decoding it."""
