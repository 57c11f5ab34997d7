"""Rules as the studio shows them: grids, findings, differences and impact in words."""
