"""Matching networks: attention by hand, and the full context by torch's own LSTM."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.matching import FullContext
from tests.laws.battery import close
from tests.unit.learners.points import NEW, X, Y, scores_of


def test_matching_scores_are_the_log_of_the_attention_to_each_class():
    cosines = nn.functional.normalize(NEW, dim=-1) @ nn.functional.normalize(X, dim=-1).T
    attention = (3 * cosines).softmax(-1) @ nn.functional.one_hot(Y, 4).double()
    close(scores_of(qs.MatchingNet(nn.Identity(), scale=3.0)), attention.log(), 1e-6)


def test_the_full_context_of_a_support_set_is_torchs_bidirectional_lstm():
    context = FullContext(3, 1).double()
    lstm = nn.LSTM(3, 3, batch_first=True, bidirectional=True).double()
    for cell, end in ((context.forwards, ""), (context.backwards, "_reverse")):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l0{end}").data = getattr(cell, name).data
    real = torch.arange(12).expand(2, 12) < torch.tensor([[12], [9]])
    found = context.of_support(torch.stack([X, X]), real)
    for task, length in ((0, 12), (1, 9)):
        forwards, backwards = lstm(X[:length])[0].split(3, -1)
        close(found[task, :length], X[:length] + forwards + backwards)


def test_a_query_in_full_context_reads_the_support_set_again_and_again():
    context = FullContext(3, 3).double()
    hidden, memory = torch.zeros_like(NEW), torch.zeros_like(NEW)
    for _ in range(3):
        read = (hidden @ X.T).softmax(-1) @ X
        hidden, memory = context.attending(torch.cat([NEW, read], -1), (hidden, memory))
        hidden = hidden + NEW
    close(
        context.of_query(NEW.unsqueeze(0), X.unsqueeze(0), torch.ones(1, 1, 12, dtype=torch.bool))[
            0
        ],
        hidden,
    )
