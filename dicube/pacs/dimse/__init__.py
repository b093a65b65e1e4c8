"""DIMSE over TCP (PS3.7, PS3.8): blocking associations whose data sets go straight to files.

pynetdicom encodes and decodes the PDUs that negotiate an association; the messages on it are
handled here, because its reactor takes several times as long as the network
(docs/decisions/0021-pacs-client.md).
"""
