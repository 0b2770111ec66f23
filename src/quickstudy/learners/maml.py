"""MAML: an initialisation from which a few gradient steps master a task."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.bilevel.outer_gradient import IMPLICIT, check_outer_gradient
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.head import head_parameters, prototype_head, without_head
from quickstudy.learners.loss import mask_or_none
from quickstudy.learners.mapping import MappingMode, over_tasks
from quickstudy.learners.rates import RATE, Rates
from quickstudy.learners.step_norms import NORM, StepNorms
from quickstudy.models.norm import forward


class MAML(GradientLearner):
    """Model-agnostic meta-learning: the initialisation is meta-learned through the inner steps.

    ``w_0 = θ``, ``w_{k+1} = w_k − inner_lr · ∇_w L_support(w_k)``, and the loss of a task is
    ``L_query(w_K)``, whose gradient with respect to ``θ`` goes through all ``K`` steps.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"`` (exact; memory grows with the steps), ``"stepwise"`` (exact;
            memory of one step and the stored weights, more time), ``"truncated"`` (second order
            through the last steps alone), ``"first_order"`` (see :class:`FOMAML`), or
            ``"implicit"`` and ``"neumann"`` (at the optimum of the inner loss, see :class:`IMAML`;
            they need ``proximal``, and memory of one step). See :func:`quickstudy.bilevel.solve`.
        multi_step_loss: Take the mean of the query losses after each of the inner steps as the loss
            of a task, in place of the last one's (MAML++, eq. 4).
        shared_head: Start every class's row of the last linear layer from the mean of the rows.
            With one inner step it alone changes then, since equal rows pass no gradient down.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor and step (MAML++, section 4).
        per_step_norm: Learn scale and shift of the batch norms for the weights after each step, 0 …
            ``inner_steps``; they do not adapt (MAML++, section 4). Mean and variance are each
            step's own by every policy but ``"frozen"``.
        multi_step_until: Let the weights of the steps' losses go linearly from equal to the last
            one alone, by this outer step.
        first_order_until: Take the outer gradient in first order before this outer step (MAML++,
            section 4).
        prototype_head: In classification, start the last linear layer as the nearest-prototype
            classifier of the support features, which serves any way (see
            :func:`~quickstudy.learners.head.prototype_head`).
        proximal: ``λ`` of a term ``λ/2 ‖w − θ‖²`` that inner steps add to the support loss.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.

    Source: Finn, Abbeel & Levine 2017, algorithm 2 and eq. 1.

    Differs from the authors' code: the support loss is a mean over examples, theirs a sum over the
    classes, so their inner rate 0.4 for 5-way Omniglot is 2.0 here; and statistics are by default
    those of the support set, theirs are transductive. The options of MAML++ are those of Antoniou,
    Edwards & Storkey 2019, whose queries after step ``k`` are normalised by the scale and shift of
    step ``k``'s support pass; here by those of the step after.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.MAML(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01)
        >>> episodes = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.Moment(0, "example"))
        >>> learner.losses(episodes).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        outer_gradient: OuterGradient = "unrolled",
        multi_step_loss: bool = False,
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
        learned_rates: bool = False,
        per_step_norm: bool = False,
        multi_step_until: int | None = None,
        first_order_until: int = 0,
        prototype_head: bool = False,
        proximal: float = 0.0,
        backward_steps: int = 5,
        damping: float = 0.0,
    ) -> None:
        super().__init__(
            model,
            inner_lr,
            inner_steps,
            test_steps,
            inner_optimiser,
            statistics,
            mapping,
            shared_head,
        )
        if prototype_head:
            self._head = head_parameters(self.model)
            require(
                not shared_head,
                "Parameters `shared_head` and `prototype_head` are two ways to start the "
                "head. Choose one.",
            )
            require(
                len(self._head) == 2,
                "Parameter `prototype_head` needs a head with a bias. Found one without.",
            )
        self.prototype_head = prototype_head
        for name, until in (
            ("multi_step_until", multi_step_until or 0),
            ("first_order_until", first_order_until),
        ):
            require(until >= 0, f"Parameter `{name}` should be at least 0. Found {name}={until}.")
        require(
            multi_step_until is None or multi_step_loss,
            "Parameter `multi_step_until` goes with multi_step_loss=True only.",
        )
        require(
            not (per_step_norm and self.head_alone),
            "Parameter `per_step_norm` goes with steps of the whole network: here the norms "
            "below the head see no steps.",
        )
        check_outer_gradient(outer_gradient, backward_steps, damping)
        require(
            0 <= proximal < math.inf,
            f"Parameter `proximal` should be at least 0. Found proximal={proximal}.",
        )
        if outer_gradient in IMPLICIT:
            _check_implicit(
                outer_gradient,
                inner_steps,
                inner_optimiser,
                multi_step_loss,
                proximal,
                learned_rates or per_step_norm,
            )
        self.proximal, self.backward_steps, self.damping = proximal, backward_steps, damping
        self.outer_gradient: OuterGradient = outer_gradient
        self.multi_step_loss, self.multi_step_until, self.first_order_until = (
            multi_step_loss,
            multi_step_until,
            first_order_until,
        )
        self.learned_rates, self.per_step_norm = learned_rates, per_step_norm
        self.rates, self.norms = (
            Rates(inner_lr, (), ()),
            StepNorms(self.model, inner_steps if per_step_norm else 0),
        )
        if learned_rates:
            weights = (
                self._head
                if self.head_alone
                else [name for name in super().meta() if name not in self.norms.names]
            )
            self.rates = Rates(
                inner_lr, weights, [torch.empty(max(inner_steps, 1)) for _ in weights]
            )

    @property
    def any_way(self) -> bool:
        """Whether tasks of any way are served: with a shared head or one of prototypes."""
        return self.shared_head or self.prototype_head

    def meta(self) -> State:
        """What is meta-learned: the initialisation, and rates and norms where they are learned."""
        return {**super().meta(), **self.rates.by_name(), **self.norms.by_name()}

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The meta-learned weights of every task."""
        names = [
            name
            for name in meta
            if name in self._head or not (self.head_alone or name.startswith((RATE, NORM)))
        ]
        weights = super().initial({name: meta[name] for name in names}, support, way)
        if not self.prototype_head:
            return weights
        return weights | prototype_head(
            self.support_features(meta, weights, support), self._head, support, way
        )

    def support_features(self, meta: State, weights: Weights, support: Batch) -> Tensor:
        """What the head is given of the support examples, with the ``weights`` that every task starts from ``[task, example, feature]``."""
        body = {name: value for name, value in weights.items() if name not in self._head}
        with without_head(self.model, self._head):
            features: Tensor = over_tasks(
                lambda own, x, mask: forward(self.model, own, x, mask)[0]
            )(body, support.x, mask_or_none(support))
        return features

    def rate(self, meta: State, name: str, index: int) -> Tensor | float:
        """The inner rate of parameter ``name`` in step ``index``; steps beyond those in training have the last one's."""
        return (
            meta[RATE + name][min(index, self.inner_steps - 1)]
            if self.learned_rates
            else self.inner_lr
        )

    def scheduled(self, meta: State, index: int) -> Weights:
        """The batch norms' scale and shift after ``index`` steps, where each step has its own."""
        return self.norms.after(meta, index)

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after adapting ``[task]``."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """:meth:`losses` as a function of what is meta-learned."""
        step = episodes.moment.step
        early = step < self.first_order_until
        which: OuterGradient = "first_order" if early else self.outer_gradient
        weights = self._step_weights(step)
        return self.outer_losses(meta, episodes, weights, which, self.backward_steps, self.damping)

    def _step_weights(self, step: int) -> list[float]:
        """The weight of the query loss after 0, 1, … inner steps, in outer step ``step``."""
        steps, until = self.inner_steps, self.multi_step_until
        if not (self.multi_step_loss and steps):
            return [0.0] * steps + [1.0]
        alike = 1.0 if until is None else max(0.0, 1 - step / until) if until else 0.0
        return [0.0] + [alike / steps] * (steps - 1) + [1 - alike * (steps - 1) / steps]


def _check_implicit(
    which: str,
    inner_steps: int,
    inner_optimiser: str,
    multi_step_loss: bool,
    proximal: float,
    by_step: bool,
) -> None:
    """Refuse what an implicit gradient cannot be had of, with the reason."""
    outer = f"outer_gradient={which!r}"
    require(
        proximal > 0,
        f"Parameter `proximal` should be positive with {outer}: without it the optimum of the "
        "inner loss does not depend on "
        f"the initialisation. Found proximal={proximal}.",
    )
    require(
        inner_steps >= 1,
        f"Parameter `inner_steps` should be at least 1 with {outer}, which needs the inner "
        "optimum. Found 0.",
    )
    require(
        not multi_step_loss,
        f"Parameter `multi_step_loss` should be False with {outer}: it is that of the optimum "
        "alone. Found True.",
    )
    require(
        not by_step,
        f"Parameters `learned_rates` and `per_step_norm` should be False with {outer}: the "
        "optimum does not depend on the way to it.",
    )
    require(
        which != "neumann" or inner_optimiser == "sgd",
        f"Parameter `inner_optimiser` should be 'sgd' with {outer}, which goes on with its "
        f"rate. Found {inner_optimiser!r}.",
    )
