import sys
from pathlib import Path

# Test folders are no packages; this one holds the mutations that several tests share.
sys.path.append(str(Path(__file__).parent))
