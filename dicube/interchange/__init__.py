"""Other ecosystems' formats, each behind an extra, each with the way back."""
