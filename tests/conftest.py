import sys
from pathlib import Path

pytest_plugins = ["pytester"]

# Test folders are no packages; this one holds the wrong samplers that several tests share.
sys.path.append(str(Path(__file__).parent / "llcbench"))
