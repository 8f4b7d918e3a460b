"""Records what independent implementations say, for the plugins' tests: `vectors.py OUT`.

Needs python-stdnum 2.2 (numbers of people and accounts), scikit-learn 1.9 (scoring rules) and textstat 0.7 (readability).
What `textsim` asks of scikit-learn is computed here by its formula.
"""

import collections
import json
import math
import pathlib
import random
import re
import string
import sys

import textstat
from sklearn.metrics import brier_score_loss, log_loss
from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.es import dni
from stdnum.nl import bsn
from stdnum.pl import pesel

RANDOM = random.Random(7)


def digits(count: int) -> str:
    """Some digits."""
    return "".join(RANDOM.choice(string.digits) for _ in range(count))


def grouped(number: str) -> str:
    """A number, perhaps in groups."""
    step = RANDOM.choice([0, 3, 4])
    if not step:
        return number
    return RANDOM.choice(" -.").join(number[at : at + step] for at in range(0, len(number), step))


def leaks() -> list[dict]:
    """Numbers, right and nearly right, alone in a sentence."""
    made = []

    def add(kind: str, number: str, valid: bool, shown: str) -> None:
        made.append({"kind": kind, "text": f"It is {shown}, as you said.", "leak": valid})

    for _ in range(60):
        number = RANDOM.choice("3456") + digits(RANDOM.choice([12, 14, 15, 18]))
        if RANDOM.random() < 0.6:
            number = number[:-1] + luhn.calc_check_digit(number[:-1])
        shown = grouped(number)
        if shown != number and any(luhn.is_valid(number[:length]) for length in (13, 14, 15, 16) if length < len(number)):
            continue  # A part of it is a number by itself.
        add("card", number, luhn.is_valid(number), shown)
    lengths = {"DE": 18, "NL": 14, "GB": 18, "FR": 23, "NO": 11, "PL": 24}
    for _ in range(60):
        country = RANDOM.choice(list(lengths))
        rest = digits(lengths[country])
        if country in ("GB", "NL"):
            rest = "ABNA" + rest[4:]
        number = country + iban.calc_check_digits(country + "00" + rest) + rest
        if RANDOM.random() < 0.5:
            at = RANDOM.randrange(4, len(number))
            number = number[:at] + RANDOM.choice(string.digits) + number[at + 1 :]
        shown = iban.format(number) if RANDOM.random() < 0.5 else number
        add("iban", number, iban.is_valid(number, check_country=False), shown)
    for kind, module, length in [("nl_bsn", bsn, 9), ("pl_pesel", pesel, 11), ("br_cpf", cpf, 11)]:
        for _ in range(4000):
            number = digits(length)
            if kind == "pl_pesel":
                number = f"{RANDOM.randrange(100):02}{RANDOM.randrange(1, 13):02}{RANDOM.randrange(1, 29):02}" + digits(5)
            valid = module.is_valid(number)
            if valid or RANDOM.random() < 0.005:
                add(kind, number, valid, cpf.format(number) if kind == "br_cpf" and RANDOM.random() < 0.5 else number)
            if sum(one["kind"] == kind for one in made) >= 50:
                break
    for _ in range(50):
        number = digits(8)
        letter = dni.calc_check_digit(number) if RANDOM.random() < 0.5 else RANDOM.choice("ABCDEFGHJKLM")
        add("es_dni", number + letter, dni.is_valid(number + letter), number + RANDOM.choice(["", "-"]) + letter)
    return made


def confidences() -> list[dict]:
    """Confidences, and the loss of each by itself."""
    made = []
    for _ in range(60):
        right, confidence = RANDOM.random() < 0.5, round(RANDOM.uniform(0.01, 0.99), RANDOM.choice([1, 2, 6]))
        confidence = min(max(confidence, 0.01), 0.99)
        made.append(
            {
                "right": right,
                "confidence": confidence,
                "brier": 1 - brier_score_loss([int(right)], [confidence], labels=[0, 1], pos_label=1),
                "log": 1 - log_loss([int(right)], [confidence], labels=[0, 1]) / math.log(2),
            }
        )
    return made


def texts() -> list[dict]:
    """Sentences of plain words, which every implementation counts alike."""
    words = (
        "the ticket waits for someone and nobody answers because everything arrived yesterday without "
        "any description of what happened to customers who asked about delivery again"
    ).split()
    made = []
    for _ in range(40):
        sentences = []
        for _ in range(RANDOM.randrange(1, 6)):
            chosen = [RANDOM.choice(words) for _ in range(RANDOM.randrange(4, 22))]
            sentences.append(" ".join(chosen).capitalize() + RANDOM.choice([".", "!", "?"]))
        text = " ".join(sentences)
        count, letters = textstat.lexicon_count(text), textstat.letter_count(text)
        number = textstat.sentence_count(text)
        made.append(
            {
                "text": text,
                "words": count,
                "letters": letters,
                "sentences": number,
                "ari": 4.71 * letters / count + 0.5 * count / number - 21.43,
                "lix": textstat.lix(text),
            }
        )
    return made


def cosine(text: str, reference: str, corpus: list[str]) -> float:
    """The cosine of TF-IDF vectors, by the formula: idf = ln((1 + n) / (1 + d)) + 1."""
    counts = [collections.Counter(re.findall(r"\b\w\w+\b", one.lower())) for one in [*corpus, reference, text]]
    words = sorted(set().union(*counts))
    idf = {word: math.log((1 + len(counts)) / (1 + sum(word in one for one in counts))) + 1 for word in words}
    a, b = ([one[word] * idf[word] for word in words] for one in counts[-2:])
    length = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b)) / length if length else 0.0


def similarities() -> list[dict]:
    """Texts beside their references, within a corpus."""
    chance = random.Random(11)
    words = "refund card late Sunday open book öffnen straße 42 a I x2 order ORDER cancel, please. it's night-shift".split()
    made = []
    for _ in range(60):
        def sentence() -> str:
            return " ".join(chance.choice(words) for _ in range(chance.randrange(0, 12)))

        text, reference, corpus = sentence(), sentence(), [sentence() for _ in range(chance.randrange(0, 5))]
        made.append({"text": text, "reference": reference, "corpus": corpus, "cosine": cosine(text, reference, corpus)})
    return made


def main() -> None:
    """Writes a file for each plugin."""
    out = pathlib.Path(sys.argv[1])
    recorded = {
        "pii_leak": leaks(),
        "calibration": confidences(),
        "readability": texts(),
        "textsim": similarities(),
    }
    for name, vectors in recorded.items():
        lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
        (out / f"{name}.json").write_text(f"[\n{lines}\n]\n")


main()
