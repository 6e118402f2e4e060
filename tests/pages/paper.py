"""Pages on paper."""

import subprocess


def print_page(page, file):
    """Prints a page as PDF, on A4."""
    page.pdf(path=file, format="A4", prefer_css_page_size=True)


def paper_text(page):
    """What stands on the paper. A form feed ends each sheet."""
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    return subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, check=True, capture_output=True).stdout.decode()
