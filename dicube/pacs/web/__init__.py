"""DICOMweb (PS3.18): requests, searches, and multipart bodies that go to files as they come."""
