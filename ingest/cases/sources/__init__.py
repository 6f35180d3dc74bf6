"""Sources of executions: a directory or an archive, and the execution directories in it.

Nothing is ever extracted, and links and special files are never followed. A source first yields the
execution directories that it holds, case by case, with a summary of their files; then the bytes of
those that are wanted. `Budgets` limit what it reads, and `damages` lists what it leaves out.
"""
