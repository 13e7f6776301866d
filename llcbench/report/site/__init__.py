"""The static site of a report: pages that need neither network nor server."""

from llcbench.report.site.build import write_page as write_page
from llcbench.report.site.build import write_site as write_site
from llcbench.report.site.sources import Source as Source
from llcbench.report.site.sources import read_sources as read_sources
from llcbench.report.site.sources import source_of as source_of
