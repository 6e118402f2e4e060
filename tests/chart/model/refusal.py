"""How the API server says no."""


class Refusal(Exception):
    """An answer of 400 or above, as a Status object has it."""

    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message

    def status(self):
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


class NotModelled(Refusal):
    """What a real server may well answer, and this one does not know: a test that meets it has to fail."""

    def __init__(self, what):
        super().__init__(501, "NotImplemented", f"not modelled: {what}")


def not_found(kind, name):
    return Refusal(404, "NotFound", f'{kind.resource} "{name}" not found')


def invalid(kind, name, why):
    return Refusal(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {why}')
