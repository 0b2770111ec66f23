"""Settings are read from a run, and written as a person reads them."""

from quickstudy.reporting.settings import command_of, flat


def test_settings() -> None:
    run = {
        "learner": {
            "learner": "maml",
            "arguments": {"lr": 0.1},
            "model_arguments": {"way": 5},
            "frozen": [],
        },
        "mapping": [{"mode": "vmap"}],
    }
    assert flat(run | {"on": True, "off": None}) == {
        "learner": "maml", "learner: lr": "0.1", "learner: model: way": "5",
        "mapping: mode": "vmap", "on": "yes",
    }  # fmt: skip
    assert command_of({"command": ["a", "b c"]}) == "a 'b c'" and command_of({}) == ""
