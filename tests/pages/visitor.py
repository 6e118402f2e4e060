"""A person at a browser."""

import re
from urllib.parse import urlsplit

# The screens of a phone, a tablet and a desktop.
SCREENS = {"phone": (360, 740), "tablet": (768, 1024), "desktop": (1440, 900)}

# A page must not break its policy silently.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`security policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""

FAILED_LOAD = re.compile(r"Failed to load resource: (?:the server responded with a status of (\d+)|net::(\w+))")


class Visitor:
    """A browser with a profile of its own. Collects what no page may do: errors on the console, reports of the
    security policy, dialogs, and requests to another origin."""

    def __init__(self, browser, url, screen="desktop", scripted=True, **options):
        width, height = SCREENS[screen]
        self.url = url
        self.origins = {url}
        self.complaints = []
        # What may fail to load: statuses and network errors.
        self.expected = set()
        self.context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            java_script_enabled=scripted,
            locale="en-GB",
            **options,
        )
        self.context.set_default_timeout(60_000)
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.context.on("request", self.check_request)
        self.context.on("console", self.check_message)
        self.context.on("weberror", lambda error: self.complaints.append(f"script error: {error.error}"))
        self.page = self.context.new_page()
        self.page.on("dialog", self.refuse_dialog)

    def check_request(self, request):
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.complaints.append(f"a request to {request.url}")

    def check_message(self, message):
        if message.type not in ("error", "warning"):
            return
        failed = FAILED_LOAD.match(message.text)
        if failed and {int(failed[1]) if failed[1] else failed[2]} <= self.expected:
            return
        self.complaints.append(f"{message.type}: {message.text}")

    def refuse_dialog(self, dialog):
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def expect(self, *failures):
        """Lets answers with these statuses, or network errors with these names, pass."""
        self.expected.update(failures)

    def open(self, path, status=200):
        """Opens a page, which has this status."""
        if status >= 400:
            self.expect(status)
        response = self.page.goto(path)
        assert response.status == status, f"{path}: {response.status}"
        return self.page

    def sign_in(self, token, path="/table"):
        """Signs in, and goes to a page."""
        self.open("/session")
        self.send_token(token)
        if path != "/table":
            self.open(path)
        return self.page

    def send_token(self, token):
        self.page.get_by_label("Token", exact=True).fill(token)
        self.press("Sign in")

    def press(self, name):
        """Presses a button that loads a page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name):
        """Clicks a link, and waits for its page."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name, exact=True).first.click()

    @property
    def path(self):
        return self.page.url.removeprefix(self.url)

    def close(self):
        self.context.close()
        assert self.complaints == []
