"""Pages and tables from plain data: the public report, the private page, an audit, terminal tables.

Everything here is a function of its arguments: no files are read or written, nothing is looked up, no
clock is asked. Data come in as mappings and small frozen classes, text goes out. Jinja2 (autoescape on)
and Pillow are imported when a page is made, not when this package is.
"""

from kssgan.reporting.audits import audit_page
from kssgan.reporting.pages import Reports
from kssgan.reporting.private import GroupRow, Member, Picture, private_report
from kssgan.reporting.public import Surrogate, public_report
from kssgan.reporting.results import Results, results_files, results_markdown, results_page
from kssgan.reporting.tables import text_table
from kssgan.reporting.tuning import tuning_page

__all__ = [
    "GroupRow",
    "Member",
    "Picture",
    "Reports",
    "Results",
    "Surrogate",
    "audit_page",
    "private_report",
    "public_report",
    "results_files",
    "results_markdown",
    "results_page",
    "text_table",
    "tuning_page",
]
