"""The schedule that MIPROv2 was published with: trials on minibatches, and full evaluations of the best so far."""

from __future__ import annotations

from burnish.loop import in_thread
from burnish.optimizers.arena import Arena
from burnish.optimizers.mipro_settings import Plan
from burnish.stages.search import Picks, Searcher
from burnish.values.seed import draw


async def trials(arena: Arena, searcher: Searcher, plan: Plan) -> Picks:
    """Run the schedule.

    The student is evaluated in full first. Trials go out `full_every` at a time, each on its own minibatch; after each such
    batch the candidate with the best mean among those not evaluated in full is. A space with fewer candidates than trials
    ends when all of them are.

    Args:
        arena: Where the candidates compete.
        searcher: Who asks for them.
        plan: How many trials, and on how many examples each.

    Returns:
        The candidate with the best mean over the whole valset; ties keep the earlier. One that a budget cut short is none of these.

    Source:
        Opsahl-Ong et al. 2024, arXiv:2406.11695, section 4.3.
    """
    session, board = arena.session, arena.session.board
    everything = range(len(session.valset))
    full = [arena.own]
    await arena.measure([(arena.own, everything)])
    size = len(session.valset) if plan.minibatch is None else plan.minibatch
    done = 0
    while done < plan.trials and session.goes_on():
        closed = [arena.number(picks) for picks in full]
        # A searcher may take a second, in which calls of others go on.
        n = min(plan.full_every, plan.trials - done)
        asked = await in_thread(searcher.ask, arena.tried, board, n, closed=closed)
        if not asked:
            break
        batches = [
            draw(session.seed, "minibatch", done + number).sample(everything, size) for number in range(len(asked))
        ]
        await arena.measure(list(zip(asked, batches, strict=True)))
        done += len(asked)
        means = session.means()
        waiting = [picks for picks in arena.tried if picks not in full]
        if waiting:
            best = max(waiting, key=lambda picks: means[arena.number(picks)])
            full.append(best)
            await arena.measure([(best, everything)])
    return arena.tried[session.best_of([arena.number(picks) for picks in full])]
