"""The few-shot classifier: new classes of vectors and of images, tasks with classes of their own,
and the sizes of episodes."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

import quickstudy as qs


def blobs(num_classes: int, rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that differ in four of forty features."""
    draw = np.random.default_rng(seed)
    y = np.repeat(np.arange(num_classes), rows)
    x = draw.normal(size=(len(y), 40))
    x[:, :4] += 2 * draw.normal(size=(num_classes, 4))[y]
    return x, y


@pytest.mark.parametrize("method", ["protonet", "anil"])
def test_new_classes_are_mastered_better_than_without_training(method):
    x, y = blobs(40, 12)
    new_x, new_y = blobs(5, 45, seed=1)
    score = {}
    for steps in (1, 100):
        model = qs.FewShotClassifier(method, steps=steps).fit(x, y)
        score[steps] = model.adapt(new_x[::9], new_y[::9]).score(new_x, new_y)
    assert score[100] > score[1] + 0.1


@pytest.mark.parametrize("method", ["protonet", "matching", "r2d2", "anil"])
def test_every_method_masters_separate_classes(method):
    draw = np.random.default_rng(0)
    centres, y = 5 * draw.normal(size=(12, 6)), np.repeat(np.arange(12), 6)
    x = centres[y] + 0.1 * draw.normal(size=(72, 6))
    model = qs.FewShotClassifier(method, steps=10).fit(x[:48], y[:48])
    names = np.array(["a", "b", "c", "d"])[y[48:] - 8]
    adapted = model.adapt(x[48::3], names[::3])
    assert adapted.score(x[48:], names) == 1
    assert (pickle.loads(pickle.dumps(adapted)).predict_proba(x) == adapted.predict_proba(x)).all()
    assert clone(adapted).fit(x[48::3], names[::3]).classes_.tolist() == ["a", "b", "c", "d"]


def test_images_of_bytes_and_a_model_of_ones_own():
    draw = np.random.default_rng(0)
    y = np.arange(24) % 4
    x = (draw.integers(0, 60, (24, 1, 16, 16)) + 60 * y[:, None, None, None]).astype(np.uint8)
    own = qs.models.Conv4(None, in_channels=1, channels=4, image_size=16)
    before = own.state_dict()["blocks.0.0.weight"].clone()
    model = qs.FewShotClassifier(model=own, way=3, shot=2, query=2, steps=2, tasks_per_step=1).fit(
        x, y
    )
    assert torch.equal(own.state_dict()["blocks.0.0.weight"], before)
    support = qs.Batch.of(torch.from_numpy(x).float() / 255, y)
    learner = model.approach_.learner
    expected = learner.predict(learner.adapt(support), support.x)[0].softmax(1).numpy()
    np.testing.assert_allclose(model.predict_proba(x), expected, rtol=1e-5)


def test_a_task_has_its_own_classes():
    x, y = blobs(8, 8)
    task = np.where(y < 4, "greek", "runes")
    x[y >= 4] = x[y < 4][:, ::-1]
    frame = pd.DataFrame(x, columns=[f"f{index}" for index in range(40)]).assign(alphabet=task)
    model = qs.FewShotClassifier(way=3, steps=5).fit(frame, y, task="alphabet")
    found = model.predict_proba(frame)
    assert (found[task == "greek", 4:] == 0).all() and (found[task == "runes", :4] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert model.score(frame, y) > 0.7
    with pytest.raises(qs.UserError, match=r"Found \['kanji'\]: a new one is served by adapt"):
        model.predict(frame.assign(alphabet="kanji"))


def test_mistakes():
    x, y = blobs(3, 4)
    for options, message in (
        ({"method": "magic"}, "one of protonet, matching"),
        ({"way": 1}, "`way` should be at least 2. Found way=1"),
    ):
        with pytest.raises(qs.UserError, match=message):
            qs.FewShotClassifier(**options).fit(x, y)
    with pytest.raises(qs.UserError, match=r"at least 2 classes of 2 examples. Found 1 class"):
        qs.FewShotClassifier().fit(x, np.zeros(len(x)))
    with pytest.raises(qs.UserError, match=r"or square images .* Found shape \(12, 4, 10\)"):
        qs.FewShotClassifier().fit(x.reshape(12, 4, 10), y)


def test_a_missing_label_is_no_class_and_tasks_match_across_types():
    draw = np.random.default_rng(0)
    kind = np.repeat(np.arange(6), 6)
    x = draw.normal(size=(6, 3))[kind] + 0.1 * draw.normal(size=(36, 3))
    names = np.array([f"c{index}" for index in kind], dtype=object)
    names[:2] = None
    task = kind // 3
    model = qs.FewShotClassifier(steps=1).fit(x, names, task=task)
    assert model.classes_.tolist() == [f"c{index}" for index in range(6)]
    found = model.predict(x, task=task.astype(str))
    np.testing.assert_array_equal(found, model.predict(x, task=task))
    new = model.adapt(x[:18], np.where(np.arange(18) < 2, np.nan, kind[:18]))
    assert new.classes_.tolist() == [0, 1, 2]
