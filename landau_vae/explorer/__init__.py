"""The theory in the browser: a page that moves a data set through its cascade, and one for a report (`report_page`)."""

from .explore import explorer_content, explorer_page, write_explorer
from .page import standalone

__all__ = ["explorer_content", "explorer_page", "standalone", "write_explorer"]
