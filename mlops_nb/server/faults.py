"""Errors as answers: the status, and MLflow's error code with one sentence."""

from __future__ import annotations

import logging

from mlops_nb.errors import MlopsError

log = logging.getLogger("mlops_nb.server")

STATUS = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "INVALID_STATE": 409,  # MLflow's 500 would make its clients try again for minutes
    "REQUEST_TOO_LARGE": 413,
    "DATA_LOSS": 500,
    "INTERNAL_ERROR": 500,
    "FEATURE_DISABLED": 501,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "RESOURCE_EXHAUSTED": 507,  # unlike a 503 nothing that MLflow's clients try again for minutes
}


class Refusal(MlopsError):
    """A request that is turned away at the door, with its own code.

    Parameters
    ----------
    code : str
        One of `STATUS`.
    message, hint : str
        As for `MlopsError`.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.error_code = code


def describe_fault(error: BaseException) -> tuple[int, dict[str, str]]:
    """The status and the body that tell of an error.

    Parameters
    ----------
    error : BaseException
        One that is not ours is logged with its traceback, and nothing of it is told.

    Returns
    -------
    tuple of int and dict

    Examples
    --------
    >>> describe_fault(Refusal("UNAUTHENTICATED", "No token."))
    (401, {'error_code': 'UNAUTHENTICATED', 'message': 'No token.'})
    """
    if isinstance(error, MlopsError):
        return STATUS.get(error.error_code, 500), {"error_code": error.error_code, "message": str(error)}
    log.error("unexpected error", exc_info=error)
    message = f"The server failed unexpectedly ({type(error).__name__}). Its log says more."
    return 500, {"error_code": "INTERNAL_ERROR", "message": message}
