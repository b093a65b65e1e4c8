"""What a series is made of: its frames, the volumes they form, and the axes between volumes."""
