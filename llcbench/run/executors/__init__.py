"""Where runs are executed: here, in other processes, on other machines."""
