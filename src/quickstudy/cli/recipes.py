"""Defaults that are good for a learner on a kind of data."""

from typing import Any

IMAGES: dict[str, dict[str, Any]] = {
    "maml": {
        "query": 5,
        "tasks_per_step": 8,
        "lr": 2e-3,
        "downsample": "stride",
        "inner_lr": 2.0,
        "inner_steps": 1,
        "shared_head": True,
    },
    "fomaml": {
        "query": 1,
        "tasks_per_step": 32,
        "lr": 1e-3,
        "downsample": "stride",
        "inner_lr": 1.0,
        "inner_steps": 3,
        "test_steps": 5,
    },
    "anil": {
        "tasks_per_step": 8,
        "query": 5,
        "lr": 2e-3,
        "inner_lr": 2.0,
        "inner_steps": 1,
        "shared_head": True,
    },
    "metasgd": {
        "tasks_per_step": 8,
        "query": 5,
        "lr": 2e-3,
        "downsample": "stride",
        "inner_lr": 1.0,
        "shared_head": True,
    },
    "cavia": {
        "tasks_per_step": 12,
        "query": 5,
        "lr": 2e-3,
        # 64 for each of 5 classes: a context that scales them can then pick a prototype for every
        # class
        "last_channels": 320,
        "inner_lr": 30.0,
        "inner_steps": 3,
        "context_size": 320,
        "layer": "blocks.3.1",
    },
    "metalstm": {
        "query": 5,
        "lr": 2e-3,
        "channels": 32,
        "inner_lr": 0.5,
        "inner_steps": 2,
        "hidden_size": 8,
        "shared_head": True,
    },
    "imaml": {
        "query": 1,
        "tasks_per_step": 32,
        "lr": 1e-3,
        "downsample": "stride",
        "inner_lr": 0.1,
        "inner_steps": 16,
        "proximal": 2.0,
        "cg_steps": 5,
        "damping": 2.0,  # λ times the authors' 1
    },
    "reptile": {
        "shot": 10,
        "query": 1,
        "tasks_per_step": 5,
        "optimizer": "sgd",
        "lr": 1.0,
        "schedule": "linear",
        "downsample": "stride",
        "inner_lr": 1e-3,
        "inner_steps": 5,
        "test_steps": 50,
        "inner_batch_size": 10,
    },
    "protonet": {"way": 60, "query": 5, "tasks_per_step": 1},
    "matching": {"way": 60, "query": 5, "tasks_per_step": 1},
    "relation": {"query": 10, "tasks_per_step": 1, "clip_gradient": 0.5},
    "siamese": {"way": 60, "query": 5, "tasks_per_step": 1},
    "r2d2": {"way": 60, "query": 5, "tasks_per_step": 1},
    "generator": {"query": 5, "tasks_per_step": 8},
    "mann": {
        "query": 2,
        "tasks_per_step": 32,
        "lr": 3e-3,
        "channels": 32,
        "downsample": "stride",
        "clip_gradient": 10.0,
        "controller_size": 100,
        "slots": 40,
        "heads": 2,
    },
    "finetune": {"tasks_per_step": 128},
}
SINUSOID: dict[str, dict[str, Any]] = {
    "maml": {
        "inner_lr": 0.01,
        "inner_steps": 1,
        "test_steps": 10,
        "tasks_per_step": 25,
        "lr": 2e-3,
    },
    "fomaml": {
        "inner_lr": 0.01,
        "inner_steps": 1,
        "test_steps": 10,
        "tasks_per_step": 25,
        "lr": 2e-3,
    },
    "anil": {
        "inner_lr": 0.01,
        "inner_steps": 1,
        "test_steps": 10,
        "tasks_per_step": 25,
        "lr": 2e-3,
    },
    "metasgd": {"inner_lr": 0.01, "tasks_per_step": 25, "lr": 2e-3},
    "cavia": {
        "inner_lr": 1.0,
        "inner_steps": 1,
        "test_steps": 1,
        "tasks_per_step": 25,
        "lr": 1e-3,
        "context_size": 5,
    },
    "imaml": {
        "inner_lr": 0.02,
        "inner_steps": 16,
        "proximal": 0.1,
        "cg_steps": 10,
        "damping": 0.1,
        "tasks_per_step": 25,
        "lr": 2e-3,
    },
    "reptile": {
        "inner_lr": 0.02,
        "inner_optimiser": "sgd",
        "inner_steps": 5,
        "test_steps": 10,
        "tasks_per_step": 25,
        "optimizer": "sgd",
        "lr": 0.3,
        "schedule": "linear",
    },
    "finetune": {
        "inner_lr": 0.01,
        "inner_optimiser": "sgd",
        "test_steps": 10,
        "tasks_per_step": 25,
    },
    "generator": {
        "encoder_size": 128,
        "inner_steps": 0,
        "tasks_per_step": 25,
        "lr": 3e-3,
        "schedule": "cosine",
    },
    "linear_prior": {"tasks_per_step": 25, "lr": 2e-3, "noise_scale": 0.3, "prior_scale": 0.3},
    "mixed_prior": {"tasks_per_step": 25, "lr": 2e-3, "noise_scale": 0.3, "prior_scale": 0.3},
}
SINUSOID_TASKS = {"shot": 10, "query": 10, "model": "mlp", "steps": 10_000}


def recipe(learner: str, data: str) -> dict[str, Any]:
    """Option values for ``learner`` on ``data``, by option name."""
    if data == "sinusoid":
        return SINUSOID_TASKS | SINUSOID.get(learner, {})
    return IMAGES.get(learner, {})
