"""The error that a user's mistake raises, and checks that raise it."""


class UserError(ValueError):
    """Bad input, found at the boundary.

    The message names in one line the expected value, the value found and a remedy. The command
    line prints it without a traceback and exits with code 2.

    Example:
        >>> raise UserError("Parameter `way` should be at least 2. Found way=1.")
        Traceback (most recent call last):
        ...
        quickstudy.errors.UserError: Parameter `way` should be at least 2. Found way=1.
    """


def require(condition: bool, message: str) -> None:
    """Raise a UserError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise UserError(message)


def require_at_least(least: int, **values: int) -> None:
    """Raise a UserError for the first parameter of ``values`` that is below ``least``."""
    for name, value in values.items():
        require(
            value >= least,
            f"Parameter `{name}` should be at least {least}. Found {name}={value}.",
        )


def require_positive(**values: float) -> None:
    """Raise a UserError for the first parameter of ``values`` that is not above 0."""
    for name, value in values.items():
        require(value > 0, f"Parameter `{name}` should be positive. Found {name}={value}.")


def first_line(error: Exception) -> str:
    """Give the first line of the message of an error, or its class without one."""
    return (str(error) or type(error).__name__).splitlines()[0]


class TrainingError(RuntimeError):
    """Training cannot go on (a loss that is not finite).

    The message names the last good checkpoint.
    """
