"""Metadata tables: DICOM elements of instances and series, and normalised features of MR series.

docs/tables.md describes templates, columns and rules. Needs the extra "tables".
"""

from dicube.interchange.tables.mr import load_mr_rules, mr_rules_text, process_mri_dataframe
from dicube.interchange.tables.tables import MetadataTables, metadata_tables
from dicube.interchange.tables.template import Template, load_template, template_text, templates

__all__ = [
    "MetadataTables",
    "Template",
    "load_mr_rules",
    "load_template",
    "metadata_tables",
    "mr_rules_text",
    "process_mri_dataframe",
    "template_text",
    "templates",
]
