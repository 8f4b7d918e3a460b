"""Records what independent implementations say, for the plugins' tests: `vectors.py OUT`.

Needs python-stdnum 2.2 (numbers of people, accounts and books), scikit-learn 1.9 (scoring rules) and textstat 0.7
(readability). What `textsim` asks of scikit-learn is computed here by its formula.
"""

import collections
import csv
import io
import json
import math
import pathlib
import random
import re
import string
import sys

import textstat
from sklearn.metrics import brier_score_loss, log_loss
from stdnum import iban, isbn, luhn
from stdnum.br import cpf
from stdnum.es import dni
from stdnum.iso7064 import mod_97_10
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


def fills() -> list[dict]:
    """Random numbers, and the number that is to be made of them; each is one for python-stdnum."""
    made = []
    for _ in range(120):
        drawn = [RANDOM.randrange(2**32) for _ in range(18)]
        text = [str(number % 10) for number in drawn]
        groups = RANDOM.random() < 0.5
        if RANDOM.random() < 0.5:
            filler, parameters = "card", {"network": RANDOM.choice(["visa", "mastercard", "amex"])}
            count = 14 if parameters["network"] == "amex" else 15
            prefix = {
                "visa": "4",
                "mastercard": "5" + str(1 + int(text[1]) % 5),
                "amex": "34" if int(text[1]) < 5 else "37",
            }[parameters["network"]]
            number = prefix + "".join(text[len(prefix) : count])
            number += luhn.calc_check_digit(number)
            assert luhn.is_valid(number)
        else:
            filler, parameters = "iban", {"country": RANDOM.choice(["DE", "AT"])}
            rest = "".join(text[: 18 if parameters["country"] == "DE" else 16])
            number = parameters["country"] + iban.calc_check_digits(parameters["country"] + "00" + rest) + rest
            assert iban.is_valid(number)
        if groups:
            parameters["groups"] = True
            number = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        made.append({"filler": filler, "parameters": parameters, "random": drawn, "value": number})
    return made


def checks() -> list[dict]:
    """Numbers, right and nearly right, of every kind."""
    made = []
    for _ in range(100):
        number = RANDOM.choice("3456") + digits(RANDOM.choice([9, 11, 14, 15, 17, 18, 19]))
        if RANDOM.random() < 0.5:
            number = number[:-1] + luhn.calc_check_digit(number[:-1])
        valid = 13 <= len(number) <= 19 and luhn.is_valid(number)
        made.append({"kind": "card", "number": grouped(number).replace(".", " "), "valid": valid})
    for _ in range(100):
        country, count = RANDOM.choice([("DE", 18), ("AT", 16), ("NO", 11), ("PL", 24), ("LC", 28)])
        rest = digits(count)
        number = country + iban.calc_check_digits(country + "00" + rest) + rest
        if RANDOM.random() < 0.5:
            at = RANDOM.randrange(4, len(number))
            number = number[:at] + RANDOM.choice(string.digits) + number[at + 1 :]
        made.append({"kind": "iban", "number": number, "valid": mod_97_10.is_valid(number[4:] + number[:4])})
    for _ in range(200):
        number = digits(9) if RANDOM.random() < 0.5 else RANDOM.choice(["978", "979", "977"]) + digits(9)
        last = RANDOM.choice(string.digits + "X")
        if RANDOM.random() < 0.6:
            last = (isbn._calc_isbn10_check_digit if len(number) == 9 else isbn.ean.calc_check_digit)(number)
        made.append({"kind": "isbn", "number": number + last, "valid": isbn.isbn_type(number + last) is not None})
    return made


def tables() -> list[dict]:
    """Tables as Python's own writer writes them, and the items that its reader finds in them."""
    made, letters = [], string.ascii_letters + ' ",;\n\t|{}\\\u00e9\u2192\U0001f600'
    for _ in range(60):
        separator, names = RANDOM.choice([",", ";", "\t", "|"]), ["key", "subject", "amount", "right"]
        RANDOM.shuffle(names)
        rows = []
        for count in range(RANDOM.randrange(1, 6)):
            text = "".join(RANDOM.choice(letters) for _ in range(RANDOM.randrange(1, 20)))
            amount = RANDOM.choice(["", "12", "-3.25", "007", "1e5", "twelve", "0"])
            rows.append({"key": f"r-{count}", "subject": text, "amount": amount, "right": RANDOM.choice(["", "a", "b"])})
        out = io.StringIO(newline="")
        ends, quotes = RANDOM.choice(["\n", "\r\n"]), RANDOM.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        writer = csv.DictWriter(out, names, delimiter=separator, lineterminator=ends, quoting=quotes)
        writer.writeheader()
        writer.writerows(rows)
        items = []
        for row in csv.DictReader(io.StringIO(out.getvalue(), newline=""), delimiter=separator):
            fields = {name: cell for name, cell in row.items() if cell and name not in ("key", "right")}
            if fields.get("amount") in ("12", "-3.25", "0"):
                fields["amount"] = json.loads(fields["amount"])
            item = {"id": row["key"], "fields": fields}
            if row["right"]:
                item["labels"] = {"right": row["right"]}
            items.append(item)
        made.append({"separator": separator, "text": out.getvalue(), "items": items})
    return made


def main() -> None:
    """Writes a file for each plugin."""
    out = pathlib.Path(sys.argv[1])
    recorded = {
        "pii_leak": leaks(),
        "calibration": confidences(),
        "readability": texts(),
        "numbers": fills(),
        "checksum": checks(),
        "rows": tables(),
        "textsim": similarities(),
    }
    for name, vectors in recorded.items():
        lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
        (out / f"{name}.json").write_text(f"[\n{lines}\n]\n")


main()
