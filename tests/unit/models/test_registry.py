"""Models found by name, by import path and in timm."""

import sys
from types import SimpleNamespace

import pytest
from torch import nn

import quickstudy as qs
from quickstudy.models import MODELS, Conv4, model_factory, model_options
from tests.unit.models import nets

HERE = "tests.unit.models.nets"


def test_a_name_of_the_registry():
    assert model_factory("conv4") is Conv4
    assert MODELS["resnet12"] is qs.models.ResNet12


def test_options_are_the_constructors_without_what_the_data_fills():
    assert list(model_options("conv4")) == ["channels", "downsample", "last_channels"]
    assert list(model_options("resnet12")) == ["widths", "drop_rate", "block_size"]
    assert list(model_options("mlp")) == ["hidden", "init"]
    assert list(model_options(f"{HERE}:Net")) == ["width"]
    assert model_options("mlp")["hidden"].default == (40, 40)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_registry_has_a_sentence_and_its_arguments_as_attributes(name):
    first = (MODELS[name].__doc__ or "").splitlines()[0]
    assert first.endswith((".", ":")) and len(first) > 20
    assert issubclass(MODELS[name], nn.Module)


def test_an_import_path():
    assert model_factory(f"{HERE}:Net") is nets.Net
    assert model_factory(f"{HERE}:function") is nets.function


def test_a_module_of_the_current_folder_is_found_and_the_path_is_put_back(tmp_path, monkeypatch):
    (tmp_path / "my_own_nets.py").write_text("from torch.nn import Linear as Net\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    try:
        assert model_factory("my_own_nets:Net") is nn.Linear
    finally:
        sys.modules.pop("my_own_nets", None)
    assert sys.path == before


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module:Net", "cannot be imported: No module named 'no'"),
        (f"{HERE}:Nothing", "cannot be imported: .* has no attribute 'Nothing'"),
        (f"{HERE}:", "An import path should be package.module:Class"),
        (":Net", "An import path should be package.module:Class"),
        (f"{HERE}:NUMBER", "should be a class. Found int."),
    ],
)
def test_a_path_that_leads_nowhere(path, message):
    with pytest.raises(qs.UserError, match=message):
        model_factory(path)


def test_without_timm_a_name_is_looked_for_in_the_registry_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # import raises ImportError
    with pytest.raises(qs.UserError, match=r"one of conv4, .*Found 'resnet9000'; timm cannot be"):
        model_factory("resnet9000")


def test_with_timm_its_names_are_known(monkeypatch):
    asked = {}

    def create_model(name: str, **options: object) -> nn.Module:
        asked[name] = options
        return nn.Identity()

    timm = SimpleNamespace(is_model=lambda name: name == "net", create_model=create_model)
    monkeypatch.setitem(sys.modules, "timm", timm)
    model_factory("net")(in_chans=1, num_classes=4, depth=2)
    assert asked["net"] == {"pretrained": False, "in_chans": 1, "num_classes": 4, "depth": 2}
    model_factory("net")(maps=True)
    assert asked["net"]["global_pool"] == "" and asked["net"]["num_classes"] == 0
    with pytest.raises(qs.UserError, match="Found 'other', which timm does not know"):
        model_factory("other")
