"""What support does to a member from the pages: pick, preview, confirm exactly that, undo."""
