"""The rules studio: rule sets, their versions, and drafts from the first edit to publication."""
