"""Weights from files: every form that they come in, and files that are refused."""

import logging
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import quickstudy as qs
from quickstudy.models.weights import load_weights, read_tensors


def net(outputs: int | None = 3, seed: int = 0) -> nn.Module:
    return qs.models.Conv4(outputs, channels=2, image_size=16, seed=seed)


def same(first: nn.Module, second: nn.Module, but: str = "none") -> bool:
    left, right = first.state_dict(), second.state_dict()
    return all(torch.equal(left[name], right[name]) for name in left if not name.startswith(but))


def contiguous(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.contiguous() for name, value in state.items()}


WRITERS = {
    "safetensors": lambda state, path: save_file(contiguous(state), path),
    "state.pt": torch.save,
    "checkpoint.pth": lambda state, path: torch.save({"epoch": 3, "state_dict": state}, path),
    "parallel.pt": lambda state, path: torch.save(
        {f"module.{name}": value for name, value in state.items()}, path
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_form_of_file(kind, tmp_path):
    path = tmp_path / f"weights.{kind}"
    WRITERS[kind](net(seed=1).state_dict(), path)
    model = net()
    assert not same(model, net(seed=1))
    load_weights(model, path)
    assert same(model, net(seed=1))


def test_a_network_inside_a_learner(tmp_path):
    learner = qs.ProtoNet(net(None, seed=1))
    learner.model.blocks[0][1].running_mean.fill_(3)
    torch.save({"learner": learner.state_dict()}, tmp_path / "learner.pt")
    model = net(None)
    load_weights(model, tmp_path / "learner.pt")
    assert same(model, learner.model)


def test_a_run_of_this_library(tmp_path):
    learner = qs.ProtoNet(net(None, seed=1))
    tasks = qs.tasks.Arrays(torch.randn(24, 1, 16, 16), torch.arange(4).repeat_interleave(6))
    source = tasks.episodes(way=2, shot=1, query=1)
    qs.fit(learner, source, 1, 1, tmp_path / "run", progress=False)
    model = net(None)
    load_weights(model, next((tmp_path / "run").glob("last*")))
    assert same(model, learner.model)


def test_a_head_of_another_task_may_be_new(tmp_path, caplog):
    torch.save(net(7, seed=1).state_dict(), tmp_path / "weights.pt")
    model = net(3)
    with pytest.raises(qs.UserError, match=r"no tensor for head.weight, head.bias of its shape"):
        load_weights(model, tmp_path / "weights.pt")
    assert same(model, net(3))
    with caplog.at_level(logging.INFO, logger="quickstudy"):
        load_weights(model, tmp_path / "weights.pt", new_head=True)
    assert same(model, net(3, seed=1), but="head")
    assert torch.equal(model.head.weight, net(3).head.weight)
    assert "without a place: head.weight, head.bias." in caplog.text


def test_a_trunk_takes_what_it_needs_of_a_network_with_a_head(tmp_path):
    torch.save(net(7, seed=1).state_dict(), tmp_path / "weights.pt")
    model = net(None)
    load_weights(model, tmp_path / "weights.pt")
    assert same(model, net(None, seed=1))


def test_counters_of_batch_norms_may_be_missing(tmp_path):
    state = {k: v for k, v in net(seed=1).state_dict().items() if "num_batches" not in k}
    torch.save(state, tmp_path / "weights.pt")
    model = net()
    load_weights(model, tmp_path / "weights.pt")
    assert same(model, net(seed=1))


def test_a_missing_tensor_is_named(tmp_path):
    torch.save({"blocks.0.0.weight": torch.zeros(2, 1, 3, 3)}, tmp_path / "weights.pt")
    with pytest.raises(qs.UserError, match=r"blocks.0.0.bias, .* and \d+ more of its shape"):
        load_weights(net(), tmp_path / "weights.pt")


class Evil:
    """What unpickling would run."""

    def __reduce__(self):
        return (print, ("run",))


def test_stored_code_is_not_run(tmp_path, capsys):
    torch.save({"weight": torch.zeros(2), "code": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(), protocol=2))
    for name in ("evil.pt", "evil.pkl"):
        with pytest.raises(qs.UserError, match="cannot be read as one"):
            read_tensors(tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.pt"])
@pytest.mark.parametrize(
    "content", [b"nothing of the kind", b"", b"\x80\x02X\x02", b"\x80\x02s\xff"]
)
def test_broken_files_are_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(qs.UserError, match="cannot be read as one") as error:
        read_tensors(tmp_path / name)
    assert "\n" not in str(error.value)


def test_files_without_tensors_are_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "weights.pt")
    with pytest.raises(qs.UserError, match="should hold tensors by name"):
        read_tensors(tmp_path / "weights.pt")
    with pytest.raises(qs.UserError, match="`weights` should be a file"):
        read_tensors(tmp_path / "none.pt")
