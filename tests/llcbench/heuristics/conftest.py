import sys
from pathlib import Path

# Test folders are no packages; this one shares synthetic records.
sys.path.append(str(Path(__file__).parent))
