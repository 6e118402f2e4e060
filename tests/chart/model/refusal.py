"""Error responses of the API server."""


class Refusal(Exception):
    """A response of 400 or above, as a Status object."""

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
    """A request that a real server may accept and this model does not know. The test must fail."""

    def __init__(self, what):
        super().__init__(501, "NotImplemented", f"not modelled: {what}")


def not_found(kind, name):
    return Refusal(404, "NotFound", f'{kind.resource} "{name}" not found')


def invalid(kind, name, why):
    return Refusal(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {why}')
