"""The first module that a server of forks imports: from then on it ends with who started it."""

from llcbench.run.executors.forks import end_with_parent, is_server

if is_server():
    end_with_parent()
