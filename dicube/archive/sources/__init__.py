"""Where files come from: folders, zip and tar files, and listings behind URLs."""
