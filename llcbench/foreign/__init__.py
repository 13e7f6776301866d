"""What others wrote: names that become files, files that are read, cells that a program may run."""
