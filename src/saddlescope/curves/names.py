"""What the name of a column says about it: a counter, a loss, a score, or nothing that is learnt."""

from __future__ import annotations

import re
from functools import lru_cache


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of counters, in the order in which they are preferred as x. Only the last part of a path is compared.
_COUNTERS = (
    _vocabulary(
        """
        total_timesteps timesteps_total total_timestep timesteps timestep num_timesteps total_env_steps env_steps
        env_step num_env_steps num_env_steps_sampled num_env_steps_sampled_lifetime total_env_interacts
        total_num_steps num_env_steps_trained num_agent_steps_sampled total_steps total_step frames num_frames
        environment_steps agent_steps
        """
    ),
    _vocabulary(
        """
        global_step global_steps globalstep trainer_global_step
        """
    ),
    _vocabulary(
        """
        step steps iteration iterations iter iters it itr i update updates num_updates n_updates num_update iter_num
        num_iters num_steps step_num n_iter niter nb_iter training_iteration train_step training_step train_steps
        train_iter gradient_steps optimizer_step optimiser_step boosting_round round rounds s iteration_number
        step_number iter_number batch_num mini_batch minibatch batch batches batch_idx batch_index batch_id
        generation gen episode episodes num_episodes episodes_total n_episodes tree trees
        """
    ),
    _vocabulary(
        """
        epoch epochs ep epoch_num epoch_number current_epoch n_epoch epoch_idx
        """
    ),
    _vocabulary(
        """
        _step
        """
    ),
    _vocabulary(
        """
        tokens tokens_seen total_tokens num_tokens consumed_tokens consumed_samples samples_seen num_samples
        examples_seen num_input_tokens_seen seen_samples seen_tokens x t
        """
    ),
)
_RANK = {name: rank for rank, names in enumerate(_COUNTERS) for name in names}
EPOCH_RANK = 3
_NO_QUANTITY = _vocabulary(
    """
    time eta elapsed duration second seconds sec secs ms wall timestamp runtime fps ips throughput speed latency mfu
    flops flos tflops memory mem gpu cpu vram lr lrs rate momentum mom beta1 beta2 decay seed size date clock per
    hours minutes created samples scale tok tokens progress percent version num count id patience bs walltime
    timestep timesteps remaining dt temperature hour dataload datatime
    """
)
_NORMS = _vocabulary(
    """
    norm gnorm gradnorm grad gradient clip clipfrac params param weight weights
    """
)
_LOSS = _vocabulary(
    """
    loss losses nll xent logloss mlogloss bce ce objective obj risk cost criterion
    """
)
_ERROR = _vocabulary(
    """
    error err mse rmse mae l1 l2 rmsle mape perplexity ppl bpb bpc bits elbo energy entropy wer cer fid trl tel
    learn residual kl divergence deviance merror huber cross
    """
)
_REWARD = _vocabulary(
    """
    reward rewards return returns ret rew epret avgret
    """
)
_SCORE = (
    _vocabulary(
        """
    acc accuracy map map50 map75 map5095 ap ap50 ap75 ar precision recall f1 f1score fscore auc auroc auprc iou miou
    dice bleu rouge rouge1 rouge2 rougel meteor chrf score scores reward rewards return returns ret epret top1 top5
    r2 ssim success winrate win em exact mcc kappa ndcg mrr hit hits matthews spearman pearson correlation elo
    bitscore
    """
    )
    | _REWARD
)
# words beside which a loss or a score is none
_NO_LEARNING = _vocabulary(
    """
    scale time weight lr runtime seconds timestamp
    """
)
_HELD_OUT = _vocabulary(
    """
    val valid validation test eval evaluation dev heldout holdout tel testing
    """
)
_TRAIN = _vocabulary(
    """
    train training trn tr learn trl
    """
)
# words that say how a training loss was summed up, and leave it the plain one
_PLAIN = (
    _vocabulary(
        """
    step epoch total avg average mean lm running batch value final sum iter overall
    """
    )
    | _TRAIN
)
_ACTOR_CRITIC = _vocabulary(
    """
    value policy actor critic entropy vf qf q pi td alpha clip ent baseline pg kl gradient surrogate v temperature
    """
)
_SPLIT = re.compile(r"[^A-Za-z0-9@]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])@(?=\d)")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case.

    >>> words("rollout/ep_rew_mean"), words("AverageEpRet"), words("metrics/mAP50(B)")
    (('rollout', 'ep', 'rew', 'mean'), ('average', 'ep', 'ret'), ('metrics', 'map50', 'b'))
    """
    name = name.replace("mAP", "map").replace("mIoU", "miou").replace("AUC", "auc").replace("IoU", "iou")[:200]
    return tuple(word.lower().replace("@", "") for word in _SPLIT.split(name) if word)


def counter_rank(name: str) -> int | None:
    """Return how a counter is preferred as x, 0 first; None where the name is that of no counter.

    >>> counter_rank("time/total_timesteps"), counter_rank("Step"), counter_rank("epoch"), counter_rank("time/fps")
    (0, 2, 3, None)
    """
    last = name.strip().rsplit("/", 1)[-1].strip()
    if last in _RANK:
        return _RANK[last]
    parts = words(last)
    if last.startswith("_") and parts != ("step",):
        return None
    return _RANK.get(
        "_".join(parts), _RANK.get("_".join(parts[1:])) if parts[:1] in (("train",), ("current",)) else None
    )


def is_quantity(name: str) -> bool:
    """Return whether a column may be something that is learnt: no counter, time, rate, size or setting."""
    if counter_rank(name) is not None:
        return False
    parts = set(words(name))
    if not parts & _NO_LEARNING and parts & (_SCORE | _LOSS):
        return True
    return not parts & _NO_QUANTITY and name[:1] != "_"


def is_loss(name: str) -> bool:
    """Return whether a name is that of a loss or an error."""
    parts = set(words(name))
    return bool(parts & (_LOSS | _ERROR)) and not parts & _NORMS and is_quantity(name)


def is_reward(name: str) -> bool:
    """Return whether a name is that of a reward."""
    parts = set(words(name))
    return bool(parts & _REWARD) and is_quantity(name)


def is_bounded(name: str) -> bool:
    """Return whether a name is that of an accuracy, a score or a reward.

    >>> is_bounded("val_acc"), is_bounded("rollout/ep_rew_mean"), is_bounded("train/loss")
    (True, True, False)
    """
    parts = set(words(name))
    return bool(parts & (_SCORE | _REWARD)) and not parts & _LOSS


def is_held_out(name: str) -> bool:
    """Return whether a name is that of a validation, test or evaluation quantity."""
    return bool(set(words(name)) & _HELD_OUT)


def plainness(name: str) -> tuple[float, ...]:
    """Return a key that sorts losses, the plainest training loss first.

    >>> sorted(["val_loss", "loss_cls", "total_loss"], key=plainness)
    ['total_loss', 'loss_cls', 'val_loss']
    """
    parts = words(name)
    rest = [word for word in parts if word not in _PLAIN and word not in _LOSS]
    no_loss = 0 if set(parts) & _LOSS else 1
    return (is_held_out(name), no_loss, len(rest), parts != ("loss",), "loss" not in parts)


def is_part_of_reinforcement(name: str) -> bool:
    """Return whether a loss is one of an actor-critic method, which no reader means by "the loss"."""
    return bool(set(words(name)) & _ACTOR_CRITIC)


def mean_reward_key(name: str) -> tuple[bool, bool, bool, int]:
    """Return a key that sorts rewards, the mean over episodes in training first."""
    parts = words(name)
    extreme = bool(set(parts) & {"min", "max", "std"})
    return (extreme, not set(parts) & {"mean", "average", "avg"}, is_held_out(name), len(parts))
