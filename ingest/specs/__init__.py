"""The import of specs: the files of Spack that contain them are found, read, and stored."""
