#!/usr/bin/python3
"""Judges each finding of results.json a second time, from the bytes of its evidence alone.

    judge.py RESULTS.json...

A finding is borne out, or contradicted, or the judge can't tell; the last is counted, and never taken for agreement.
Exit code: 0 nothing contradicted, 1 a finding is, 2 what should be results.json is none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from judge.claims import CannotTell, Scope, came, read_claims, read_expected  # noqa: E402
from judge.evidence import Conversation, EvidenceError, read_evidence  # noqa: E402
from judge.notation import NotationError  # noqa: E402
from judge.rules import CANNOT_TELL, RULES  # noqa: E402

BORNE_OUT = "borne out"
CONTRADICTED = "contradicted"
# What a scenario's accusation has as `wanted`: a line of it. The checker's have a sentence.
SCENARIO_LINE = re.compile(r"\w*[<>] |either |process ")
# A poor alternative that the peer took: that it did is no fault.
ALTERNATIVE = re.compile(r"[\w-]+ \((\w*[<>] |process )")
# What a run saw elsewhere than in this conversation, or concluded from several.
NOT_IN_THE_BYTES = ("the peer ended with", "the peer ended by", "on a fresh connection is not")


@dataclass(frozen=True)
class Judgement:
    finding: dict[str, Any]
    verdict: str
    why: str

    def __str__(self) -> str:
        return f"{self.verdict:<12} {self.finding['requirement']:<9} {self.finding['scenario']}: {self.why}"


def judge(finding: dict[str, Any], peer: str) -> Judgement:
    """`peer`: the side that is accused. EvidenceError where the evidence is none."""
    conversation = read_evidence(finding)
    try:
        if ALTERNATIVE.match(finding["got"]) or any(words in finding["got"] for words in NOT_IN_THE_BYTES):
            raise CannotTell("not a matter of these bytes: " + finding["got"])
        if SCENARIO_LINE.match(finding["wanted"]) or finding["requirement"] not in RULES:
            verdict, why = judge_claims(finding, conversation, peer)
        else:
            verdict, why = judge_rule(finding["requirement"], conversation)
    except (CannotTell, NotationError) as reason:
        return Judgement(finding, CANNOT_TELL, str(reason))
    if verdict == CONTRADICTED and conversation.cut:
        return Judgement(finding, CANNOT_TELL, "the evidence is cut: " + why)
    return Judgement(finding, verdict, why)


def judge_rule(requirement: str, conversation: Conversation) -> tuple[str, str]:
    breaches = [breach for one in conversation.connections.values() for breach in RULES[requirement](one)]
    clear = [breach for breach in breaches if breach != CANNOT_TELL]
    if clear:
        return BORNE_OUT, clear[0]
    if breaches:
        return CANNOT_TELL, "what is there may be a breach"
    return CONTRADICTED, "there is no breach in the bytes"


def judge_claims(finding: dict[str, Any], conversation: Conversation, peer: str) -> tuple[str, str]:
    if conversation.cut:
        raise CannotTell("the evidence is cut: what is not in it may have come")
    if finding["wanted"].startswith("either "):
        scope = Scope(conversation, peer, None)
    else:
        scope = Scope(conversation, peer, read_expected(finding["wanted"]))
    if scope.expected is not None and came(scope, scope.expected):
        return CONTRADICTED, "it came: " + finding["wanted"]
    for sentence, is_true in read_claims(finding["got"]):
        if not is_true(scope):
            return CONTRADICTED, f"the bytes don't say so: {sentence}"
    return BORNE_OUT, finding["got"]


def judge_results(results: dict[str, Any]) -> list[Judgement]:
    """EvidenceError where it isn't what fcgispec writes."""
    try:
        return [judge(finding, results["peer"]["side"]) for finding in results["findings"]]
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"this is no results.json with evidence: {error!r}") from error


def report(judgements: Iterable[Judgement]) -> Counter[str]:
    """Prints what isn't borne out, and counts."""
    counts: Counter[str] = Counter()
    for judgement in judgements:
        counts[judgement.verdict] += 1
        if judgement.verdict != BORNE_OUT:
            print(judgement)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    counts: Counter[str] = Counter()
    for path in parser.parse_args().results:
        try:
            counts += report(judge_results(json.loads(path.read_text())))
        except (OSError, ValueError, EvidenceError) as error:
            print(f"judge: {path}: {error}", file=sys.stderr)
            return 2
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in (BORNE_OUT, CONTRADICTED, CANNOT_TELL)))
    return 1 if counts[CONTRADICTED] else 0


if __name__ == "__main__":
    sys.exit(main())
