"""The theory in the browser: one standalone page that moves a data set through its cascade, and one for a report."""
