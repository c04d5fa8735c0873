"""The detector: poles, crossarms and underground equipment in photos of job packages."""
