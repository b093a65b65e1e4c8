"""Normalised features of MR series, by rules that are data: `mr_clean_config.json`."""

from dicube.interchange.tables.mr.normalise import process_mri_dataframe
from dicube.interchange.tables.mr.rules import MrRules, load_mr_rules, mr_rules_text

__all__ = ["MrRules", "load_mr_rules", "mr_rules_text", "process_mri_dataframe"]
