#!/bin/sh
# Prints the ladder of the README: for each policy and task the mean score and, behind it, the mean return of an episode.
# sh scenarios/claims/ladder.sh [EPISODES] ; the variable CASEBOOK names the binary.
pack=$(dirname "$0")
for policy in nothing random refuses copies dumps stock-phrases records-only careless careful oracle; do
  {
    "${CASEBOOK:-casebook}" run "$pack" --policy $policy --format json --task claims-cases-1 --task claims-cases-2 --task claims-cases-3 --task claims-cases-4 --task claims-cases-5 --task claims-cases-6
    "${CASEBOOK:-casebook}" run "$pack" --policy $policy --format json --episodes "${1:-10}" --task claims-train --task claims-validation --task claims-test
  } | python3 -c '
import json, sys
text, at, sums = sys.stdin.read().strip(), 0, {}
while at < len(text):
    run, end = json.JSONDecoder().raw_decode(text[at:])
    at += end + len(text[at + end :]) - len(text[at + end :].lstrip())
    for one in run["episodes"]:
        sums.setdefault(one["task"].split("/")[0], []).append((one["score"], sum(one["rewards"])))
means = [(task, *(sum(part) / len(part) for part in zip(*all))) for task, all in sums.items()]
print("|", sys.argv[1], "|", " | ".join(f"{score:.3f} ({total:.1f})" for _, score, total in means), "|", flush=True)
' $policy
done
