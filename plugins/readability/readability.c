/* How easily a text reads: measures that count letters, words and sentences, and guess no syllables. */
#include "casebook.h"
#include "description.h"
CASEBOOK_PLUGIN(DESCRIPTION)

static int letters, words, sentences, long_words;

/* A letter or digit; every character outside of ASCII counts as a letter, once. */
static int is_letter(unsigned char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0xc0;
}

static int is_end(unsigned char c) { return c == '.' || c == '!' || c == '?'; }

static void count(cb_text text) {
    int in_word = 0, open = 0;
    for (cb_size i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        unsigned char next = i + 1 < text.length ? (unsigned char)text.at[i + 1] : 0;
        if ((c & 0xc0) == 0x80) continue; /* The rest of a character. */
        if (is_letter(c)) {
            letters++;
            in_word++;
            open = 1;
            continue;
        }
        /* "don't", "well-known" and "3.5" are one word each. */
        if (in_word && (c == '\'' || c == '-' || c == '.') && is_letter(next)) continue;
        if (in_word) { words++; long_words += in_word > 6; in_word = 0; }
        if (is_end(c) && open) { sentences++; open = 0; }
    }
    if (in_word) { words++; long_words += in_word > 6; }
    if (open) sentences++;
}

void grade(cb_json call) {
    cb_json parameters = cb_get(call, "parameters");
    cb_text text, name, measure;
    double most = 0, slack = 0;
    if (!cb_string(cb_get(parameters, "text"), &name) || !cb_number(cb_get(parameters, "most"), &most)) {
        cb_refuse("`text` and `most` are needed");
        return;
    }
    cb_number(cb_get(parameters, "slack"), &slack);
    char *key = cb_room(name.length + 1);
    memcpy(key, name.at, name.length);
    key[name.length] = 0;
    if (cb_string(cb_get(cb_get(call, "decision"), key), &text)) count(text);
    if (!words) { cb_value(0); return; }
    cb_string(cb_get(call, "grader"), &measure);
    double length = (double)words / sentences, value;
    if (cb_same(measure.at, measure.length, "lix")) value = length + 100.0 * long_words / words;
    else value = 4.71 * letters / words + 0.5 * length - 21.43;
    double over = value - most;
    cb_value(over <= 0 ? 1 : over >= slack ? 0 : 1 - over / slack);
    cb_part("measure", value);
    cb_part("letters", letters);
    cb_part("words", words);
    cb_part("sentences", sentences);
}
