import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quickstudy.tasks import Classes
from tests.laws.battery import close, tensors
from tests.unit.tasks.pools import class_of, draw, numbered

few = settings(deadline=None, derandomize=True, max_examples=25)
SIZES = st.lists(st.integers(5, 9), min_size=3, max_size=8)


@few
@given(
    sizes=SIZES,
    way=st.integers(1, 3),
    shot=st.integers(1, 3),
    query=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_an_n_way_k_shot_task(sizes, way, shot, query, seed):
    pool = numbered(sizes)
    episodes = draw(pool.episodes(way, shot, query), 4, seed)
    support, queries = episodes.support, episodes.query
    assert support.x.shape == (4, way * shot, 1) and queries.x.shape == (4, way * query, 1)
    assert (support.mask == 1).all() and (queries.mask == 1).all()
    for task in range(4):
        rows = torch.cat([support.x[task, :, 0], queries.x[task, :, 0]])
        # no example twice, so support and query are disjoint
        assert len(rows.unique()) == len(rows)
        labels = torch.cat([support.y[task], queries.y[task]])
        owners = class_of(pool, rows)
        pairs = set(zip(labels.tolist(), owners.tolist(), strict=True))
        assert (
            len(pairs)
            == len({label for label, _ in pairs})
            == len({owner for _, owner in pairs})
            == way
        )
        assert support.y[task].bincount().tolist() == [shot] * way
        assert queries.y[task].bincount().tolist() == [query] * way
        assert support.y[task, :way].tolist() == list(range(way))  # shot by shot


@few
@given(low_way=st.integers(1, 3), low_shot=st.integers(1, 3), seed=st.integers(0, 99))
def test_ranges_of_way_and_shot_are_padded_and_masked(low_way, low_shot, seed):
    pool = numbered([6] * 7)
    source = pool.episodes((low_way, 4), (low_shot, 3), query=2)
    episodes = draw(source, 6, seed)
    assert source.target.scores == 4
    for task in range(6):
        support, query = episodes.support, episodes.query
        real, asked = support.mask[task] == 1, query.mask[task] == 1
        counts = support.y[task][real].bincount().tolist()
        way, shot = len(counts), counts[0]
        assert low_way <= way <= 4 and low_shot <= shot <= 3
        assert counts == [shot] * way
        assert query.y[task][asked].bincount().tolist() == [2] * way
        rows = torch.cat([support.x[task][real], query.x[task][asked]]).flatten()
        assert len(rows.unique()) == len(rows)
        for batch, mask in ((support, real), (query, asked)):
            assert (batch.y[task][~mask] == 0).all() and (batch.x[task][~mask] == 0).all()


def test_ranges_draw_every_way_and_shot():
    episodes = draw(numbered([6] * 7).episodes((2, 4), (1, 3), query=2), 200)
    way = (episodes.query.mask.sum(1) / 2).tolist()
    shot = (episodes.support.mask.sum(1) / torch.tensor(way)).tolist()
    assert len(set(zip(way, shot, strict=True))) == 9


@few
@given(seed=st.integers(0, 99), way=st.integers(1, 3))
def test_within_group_takes_all_classes_from_one_group(seed, way):
    pool = numbered([5] * 9, groups=[0, 1, 2, 0, 1, 2, 1, 1, 3])
    episodes = draw(pool.episodes(way, 2, 2, within_group=True), 6, seed)
    large_enough = [g for g in range(4) if int((pool.groups == g).sum()) >= way]
    for task in range(6):
        groups = pool.groups[class_of(pool, episodes.support.x[task, :, 0])]
        assert groups.unique().tolist() == [episodes.task[task].item()]
        assert episodes.task[task] in large_enough


def test_within_group_reaches_every_group_and_every_class_of_it():
    pool = numbered([5] * 9, groups=[0, 1, 2, 0, 1, 2, 1, 1, 3])
    episodes = draw(pool.episodes(2, 2, 2, within_group=True), 200)
    assert set(episodes.task.tolist()) == {0, 1, 2}  # group 3 has one class only
    assert set(class_of(pool, episodes.support.x.flatten()).tolist()) == set(range(8))


def corners() -> Classes:
    """Two classes of 2x2 images with one lit corner, in place of 0 the class's number."""
    x = torch.zeros(2, 4, 2, 2)
    x[:, :, 0, 0] = torch.tensor([1.0, 2.0]).unsqueeze(1)
    size = torch.tensor([4, 4])
    return Classes(
        x.flatten(0, 1),
        torch.tensor([0, 4]),
        size,
        ("a", "b"),
        torch.tensor([0, 1]),
        ("g", "h"),
        "corners",
    )


def test_rotations_make_four_classes_of_one():
    pool = corners().with_rotations()
    assert pool.num_classes == 8 and pool.num_rotations == 4
    assert pool.names[:5] == ("a/rot000", "a/rot090", "a/rot180", "a/rot270", "b/rot000")
    assert pool.groups.tolist() == [0] * 4 + [1] * 4
    for c in range(8):
        images = pool.gather(pool.start[c] + torch.arange(4))
        upright = torch.tensor([[1.0 + c // 4, 0], [0, 0]])
        assert torch.equal(images, torch.rot90(upright, c % 4, (0, 1)).expand(4, 2, 2))


def test_rotations_as_classes_can_meet_in_one_task():
    episodes = draw(corners().with_rotations().episodes(way=3, shot=1, query=1), 50)
    bases = episodes.support.x.amax((2, 3)).long()
    assert any(len(task.unique()) < 3 for task in bases)
    assert all(len({str(image.tolist()) for image in task}) == 3 for task in episodes.support.x)


def test_rotations_by_task_turn_whole_classes_and_never_meet():
    episodes = draw(
        corners().with_rotations().episodes(way=2, shot=2, query=1, rotations="task"), 60
    )
    both = torch.cat([episodes.support.x, episodes.query.x], 1)  # a, b, a, b, a, b of each task
    assert torch.equal(both[:, 0::2], both[:, :1].expand_as(both[:, 0::2]))
    assert torch.equal(both[:, 1::2], both[:, 1:2].expand_as(both[:, 1::2]))
    assert all(sorted(task.amax((1, 2)).tolist()) == [1, 2] for task in both[:, :2])
    assert len({str(image.tolist()) for image in both[:, 0]}) == 8


def test_the_generator_alone_decides_the_tasks():
    source = numbered([6] * 7).episodes((2, 4), (1, 3), query=2)
    with torch.random.fork_rng():
        first, again, other = draw(source, seed=1), draw(source, seed=1), draw(source, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(again), strict=True))
    assert not torch.equal(first.support.x, other.support.x)


def test_bytes_become_floating_point_with_a_colour_channel():
    x = torch.arange(12 * 4, dtype=torch.uint8).reshape(12, 2, 2)
    pool = Classes(
        x,
        torch.tensor([0, 6]),
        torch.tensor([6, 6]),
        ("a", "b"),
        torch.zeros(2).long(),
        ("all",),
        "bytes",
    )
    close(pool.gather(torch.tensor([[1, 11]])), x[[1, 11]].reshape(1, 2, 1, 2, 2) / 255, 1e-6)
    episodes = draw(pool.episodes(2, 1, 2), 2)
    assert episodes.support.x.shape == (2, 2, 1, 2, 2)
    assert episodes.support.x.max() < 1 and episodes.support.x.dtype == torch.float32


def test_supervised_gives_every_class_its_index_in_the_pool():
    pool = numbered([3, 5, 9])
    source = pool.supervised(batch_size=40)
    episodes = draw(source, 3)
    assert source.target.scores == 3
    assert episodes.support.x.shape == (3, 0, 1) and episodes.query.x.shape == (3, 40, 1)
    assert torch.equal(class_of(pool, episodes.query.x[..., 0]), episodes.query.y)
    assert set(episodes.query.x.flatten().long().tolist()) == set(range(17))


def test_a_description_says_what_the_tasks_are():
    described = numbered([6] * 4).episodes((2, 3), 2, query=1).describe()
    assert (
        described["source"] == "numbered"
        and described["way"] == (2, 3)
        and described["rotations"] == "none"
    )
    assert numbered([6] * 4).supervised(3).describe() == {
        "source": "numbered",
        "num_classes": 4,
        "batch_size": 3,
    }
