"""Archives and directories, whatever lies in them: tar, zip, compression, budgets."""
