"""A folder of cube files, and what is known of each without decoding it."""

from dicube.library.cube_library import CubeLibrary, LibraryError
from dicube.library.entry import LibraryEntry, LibraryFinding

__all__ = ["CubeLibrary", "LibraryEntry", "LibraryError", "LibraryFinding"]
