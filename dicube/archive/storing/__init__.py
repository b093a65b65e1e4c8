"""What a worker does: files taken apart, series written, read again and compared."""
