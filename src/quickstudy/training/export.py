"""An adapted model as a plain function of its inputs, for programs without quickstudy."""

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.cache import write_atomically
from quickstudy.errors import UserError, require
from quickstudy.learners import Adapted, Learner

SUFFIXES = (".pt2", ".onnx")
"""The endings of an exported model's file: torch.export's and ONNX's."""


class AdaptedModel(nn.Module):
    """Gives the scores of one adapted task as a plain function of its inputs.

    ``x`` ``[example, *feature]`` ↦ ``[example, output]``, as :meth:`~quickstudy.Learner.predict`
    gives.

    Args:
        learner: The learner; it is copied.
        adapted: The adapted state of one task.
        outputs: How many leading scores to give; by default all.

    Raises:
        UserError: If ``adapted`` holds several tasks, or the learner is transductive: its scores
            then depend on more than one example.
    """

    def __init__(self, learner: Learner, adapted: Adapted, outputs: int | None = None) -> None:
        super().__init__()
        _check_function(learner, adapted)
        self.outputs = outputs
        self.names = tuple(adapted)
        self.learner = copy.deepcopy(learner).eval()
        for index, name in enumerate(self.names):
            self._keep(index, name, adapted[name].detach().contiguous().clone())
        for tensor in (*self.learner.parameters(), *self.learner.buffers()):
            tensor.data = tensor.data.contiguous()

    def _keep(self, index: int, name: str, value: Tensor) -> None:
        """Keep an adapted tensor in place of the weight that it replaces."""
        self.register_buffer(f"adapted_{index}", value)
        # the weights that were adapted are not needed, so they take no room
        own = dict(self.learner.named_parameters())
        if f"model.{name}" in own:
            own[f"model.{name}"].data = value[0]

    def forward(self, x: Tensor) -> Tensor:
        """Give the scores of ``x``."""
        scores = self.learner.scores(self._adapted(), x.unsqueeze(0)).squeeze(0)
        return scores if self.outputs is None else scores[:, : self.outputs]

    def _adapted(self) -> Adapted:
        """Give the tensors of the adapted state by name."""
        buffers = ((name, f"adapted_{index}") for index, name in enumerate(self.names))
        return {name: self.get_buffer(buffer) for name, buffer in buffers}


def export(
    path: str | Path,
    learner: Learner,
    adapted: Adapted,
    x: Tensor,
    classes: Sequence[str] | None = None,
    task: Mapping[str, Any] | None = None,
) -> None:
    """Write an adapted model as a plain function of its inputs.

    It gives the scores ``[example, output]`` of ``x`` ``[example, *feature]``. The file
    does not need quickstudy: ``torch.export.load("model.pt2").module()(x)``, or any runtime of ONNX
    (input ``x``, output ``scores``). Any number of examples is served. Metadata ``quickstudy`` (an
    extra file of a ``.pt2``, a property of an ``.onnx``) holds JSON: the names of the ``classes``,
    the shape of an ``example``, and ``task``.

    Args:
        path: A file that ends in ``.pt2`` (torch.export) or ``.onnx`` (needs
            ``quickstudy[export]``).
        learner: The learner.
        adapted: The adapted state of one task.
        x: Some inputs as for :meth:`~quickstudy.Learner.predict`; only their shape and dtype are
            used.
        classes: Names of the classes; scores beyond them are left out.
        task: Further plain values about the task.

    Raises:
        UserError: If ``adapted`` holds several tasks, the learner is transductive, the file has
            another ending, ONNX's packages are missing, or the model does something that cannot be
            exported.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner, support = qs.ProtoNet(torch.nn.Identity()), qs.Batch.of(torch.eye(2), [0, 1])
        >>> adapted = learner.adapt(support)
        >>> qs.export("/tmp/model.pt2", learner, adapted, support.x)  # doctest: +SKIP
        >>> torch.export.load("/tmp/model.pt2").module()(torch.eye(2)).argmax(1)  # doctest: +SKIP
        tensor([0, 1])
    """
    file = Path(path)
    _check_format(file)
    model = AdaptedModel(learner, adapted, None if classes is None else len(classes))
    # refuses a wrong shape
    learner.predict(adapted, x)
    details = {
        "classes": None if classes is None else list(classes),
        "example": list(x.shape[2:]),
        "task": None if task is None else dict(task),
    }
    write = _pt2 if file.suffix == ".pt2" else _onnx
    write_atomically(file, write(_program(model, x), {"quickstudy": json.dumps(details)}))


def _check_function(learner: Learner, adapted: Adapted) -> None:
    """Raise if the scores of an example depend on other examples."""
    tasks = _num_tasks(adapted)
    require(
        tasks == 1,
        f"`adapted` should hold one task. Found {tasks}: take one of them, {{name: a[i : "
        f"i + 1] for name, a in ...}}.",
    )
    require(
        not learner.transductive,
        "A transductive learner cannot be exported: the scores of an example depend on "
        "the others it comes with. Adapt with statistics='support'.",
    )


def _num_tasks(adapted: Adapted) -> int:
    return next(iter(adapted.values())).shape[0]


def _check_format(file: Path) -> None:
    """Raise if the ending of ``file`` is unknown, or packages that it needs are missing."""
    require(
        file.suffix in SUFFIXES,
        f"An exported model's file should end in {' or '.join(SUFFIXES)}. Found {file.name!r}.",
    )
    if file.suffix == ".onnx":
        _check_onnx()


def _check_onnx() -> None:
    """Raise if a package that ONNX needs is missing."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    require(
        not missing,
        f"Exporting to ONNX needs {' and '.join(missing)}: pip install 'quickstudy[export]'.",
    )


def _program(model: AdaptedModel, x: Tensor) -> Any:
    """Trace ``model`` by torch.export on two examples, with their number left open."""
    two = x[0, :1].expand(2, *x.shape[2:]).clone()
    shapes = ({0: torch.export.Dim("example", min=1)},)
    try:
        with torch.no_grad(), _quiet():
            # a learner makes its decisions at its first call, before the trace
            model(two)
            return torch.export.export(model, (two,), dynamic_shapes=shapes)
    # torch.export lets through any error of the model, and of its many parts
    except Exception as error:
        raise UserError(f"torch.export cannot export this model: {_first_line(error)}") from error


def _pt2(program: Any, metadata: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(program, buffer, extra_files=dict(metadata))
    return buffer.getvalue()


def _onnx(program: Any, metadata: Mapping[str, str]) -> bytes:
    try:
        model = _onnx_model(program)
    except Exception as error:
        raise UserError(f"This model cannot be expressed in ONNX: {_first_line(error)}") from error
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    result: bytes = model.SerializeToString()
    return result


def _onnx_model(program: Any) -> Any:
    """Make an ONNX model of a program that torch.export traced."""
    with _quiet():
        return torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=["x"], output_names=["scores"]
        ).model_proto  # type: ignore[union-attr]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporters.

    They log, print and warn about their internals, and about the whole graph of a model that fails.
    """
    with _no_logging(), warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _no_logging() -> Iterator[None]:
    """Switch all logging off while the block runs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
