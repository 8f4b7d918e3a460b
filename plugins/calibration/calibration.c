/* How well a stated confidence fits: proper scoring rules, so that saying what one believes is the best one can do. */
#include "casebook.h"
#include "description.h"
CASEBOOK_PLUGIN(DESCRIPTION)

/* Probabilities are kept this far from 0, so that one certain mistake has a bounded cost: 2^-10. */
#define LEAST 0.0009765625

/* log2 for positive normal numbers: the exponent, and a series in (m - 1) / (m + 1) for the rest. */
static double log2_of(double x) {
    union { double number; unsigned long long bits; } u = {x};
    int exponent = (int)(u.bits >> 52) - 1023;
    u.bits = (u.bits & 0xfffffffffffffull) | 1023ull << 52;
    double m = u.number;
    if (m > 1.4142135623730951) { m /= 2; exponent++; }
    double z = (m - 1) / (m + 1), square = z * z, term = z, sum = 0;
    for (int k = 1; k < 40; k += 2) { sum += term / k; term *= square; }
    return exponent + 2 * sum * 1.4426950408889634;
}

static int same(cb_json a, cb_json b) {
    if (a.length != b.length) return 0;
    for (cb_size i = 0; i < a.length; i++) if (a.at[i] != b.at[i]) return 0;
    return 1;
}

static cb_json named_by(cb_json map, cb_json parameters, const char *parameter) {
    cb_text name;
    if (!cb_string(cb_get(parameters, parameter), &name)) return (cb_json){0, 0};
    char *key = cb_room(name.length + 1);
    memcpy(key, name.at, name.length);
    key[name.length] = 0;
    return cb_get(map, key);
}

void grade(cb_json call) {
    cb_json parameters = cb_get(call, "parameters"), decision = cb_get(call, "decision");
    cb_json right = cb_get(named_by(cb_get(call, "truth"), parameters, "decision"), "value");
    if (!right.at) { cb_refuse("nothing is known to be right here; name the decision as the grader's `field`"); return; }
    cb_json decided = named_by(decision, parameters, "decision");
    double confidence, scale = 1;
    cb_number(cb_get(parameters, "scale"), &scale);
    /* Who says nothing about it is as sure as a coin. */
    int stated = cb_number(named_by(decision, parameters, "confidence"), &confidence);
    double p = stated ? confidence / scale : 0.5;
    if (p < 0 || p > 1) { cb_refuse("the confidence is outside of 0 to `scale`"); return; }
    int hit = decided.at && same(decided, right);
    cb_text grader;
    cb_string(cb_get(call, "grader"), &grader);
    if (cb_same(grader.at, grader.length, "brier")) {
        double off = p - hit;
        cb_value(1 - off * off);
    } else {
        double q = hit ? p : 1 - p;
        cb_value(1 + log2_of(q < LEAST ? LEAST : q));
    }
    cb_part("confidence", p);
    cb_part("right", hit);
}
