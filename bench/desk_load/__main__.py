"""200 simulated reviewers on one desk, which is killed again and again: is any task held twice, is any review lost?

A desk process (pages, API and jobs, without Kafka) serves reviewers over HTTP: threads of this process, each with a
token, that claim, submit, now and then skip, give back or walk away, and try again when the desk is away. In mid-load
the desk is ended by kill -9 and started again, on the same store. A submit that is tried again must be answered by its
first receipt. Work on a task takes 40 s on average, several times less than a real review.

Checked at the end, from what the reviewers were told and from the store's outbox:
- double_leases: tasks for which two claims of different people were valid at once (their tokens' spans overlap);
- overlap: every transaction has exactly as many reviews as copies were asked for, by different people;
- lost_reviews: receipts that reviewers hold and that are not in the outbox, and tasks without an outcome;
- a refused submit (lease_lost, task_closed) whose review is in the outbox all the same counts as lost: its reviewer was
  told the wrong thing;
- claim p95 in milliseconds, from the request to the answer at the reviewer, over the first half of the tasks, before
  the kills begin.

    python -m bench.desk_load [--quick] [--reviewers 200] [--transactions 800] [--kills 20] [--stores postgresql,sqlite]

The last line is JSON: {"reviewers", "double_leases", "lost_reviews", "claim_p95_ms": {"postgresql", "sqlite"}}.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench.desk_load.ground import serve, store
from bench.desk_load.run import run


def main() -> int:
    """Run it; 0 when nothing was held twice, lost or reviewed too often."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviewers", type=int, default=200)
    parser.add_argument("--transactions", type=int, default=800)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--think-s", type=float, default=40.0, help="mean seconds of work on one task")
    parser.add_argument("--quick", action="store_true", help="a try: 20 reviewers, 60 transactions, 2 kills")
    parser.add_argument("--stores", default="postgresql,sqlite")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return 0
    if given.quick:
        given.reviewers, given.transactions, given.kills, given.think_s = 20, 60, 2, 5.0
    results = {}
    for kind in given.stores.split(","):
        _say(f"{kind}: {given.reviewers} reviewers, {given.transactions} transactions, {given.kills} kills")
        with tempfile.TemporaryDirectory() as folder, store(kind, Path(folder)) as url:
            results[kind] = run(
                url,
                reviewers=given.reviewers,
                transactions=given.transactions,
                kills=given.kills,
                think_s=given.think_s,
            )
        one = results[kind]
        _say(
            f"  {one.reviews} reviews, {one.double_leases} held twice, {one.lost_reviews} lost, "
            f"{one.overlap_wrong} not reviewed as often as asked, {one.kills} kills, "
            f"{one.unexpected or 'nothing unexpected'}\n"
            f"  {one.claims} claims before the kills: median {one.claim_p50_ms} ms, p95 {one.claim_p95_ms} ms; "
            f"load of the machine ({os.cpu_count()} cores, reviewers and desk on them) {os.getloadavg()[0]:.1f}"
        )
    print(
        json.dumps(
            {
                "reviewers": given.reviewers,
                "double_leases": sum(one.double_leases for one in results.values()),
                "lost_reviews": sum(one.lost_reviews + one.overlap_wrong for one in results.values()),
                "claim_p95_ms": {kind: one.claim_p95_ms for kind, one in results.items()},
            }
        )
    )
    return 0 if all(one.right for one in results.values()) else 1


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    sys.exit(main())
