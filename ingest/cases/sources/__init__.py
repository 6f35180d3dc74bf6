"""Sources of executions: a directory or an archive, and the execution directories in it.

Nothing is ever extracted. Symbolic links are never followed and special files never opened. A
source first yields its execution directories, case by case, with a summary of their files; then the
bytes of those that the caller wants. `Budgets` limit what it reads, and `damages` lists what it
leaves out.
"""
