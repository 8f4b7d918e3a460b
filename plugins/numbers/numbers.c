/* Numbers of cards and accounts that nobody has, with check digits that are right. */
#include "casebook.h"
#include "description.h"
CASEBOOK_DESCRIPTION(DESCRIPTION)
CASEBOOK_ANSWERS(fill, fill)

#define DIGITS 18

/* Digits from the random numbers of a call; 0 when there are too few. */
static int draw(cb_json call, char *digits, int count) {
    cb_json random = cb_get(call, "random");
    for (int i = 0; i < count; i++) {
        double number;
        if (!cb_number(cb_entry(random, (cb_size)i), &number)) return 0;
        digits[i] = (char)('0' + (unsigned)number % 10);
    }
    return 1;
}

/* Writes a number, in groups when that is asked for. */
static void answer(const char *number, int count, int group) {
    char text[64];
    cb_size length = 0;
    for (int i = 0; i < count; i++) {
        if (group && i && i % group == 0) text[length++] = ' ';
        text[length++] = number[i];
    }
    cb_put("\"value\":");
    cb_put_string(text, length);
}

static int is_true(cb_json json) { return json.length == 4 && *json.at == 't'; }

/* A prefix that is its network's, random digits, and Luhn's check digit. */
static void card(cb_json call, cb_json parameters) {
    char number[DIGITS];
    cb_text network = {"visa", 4};
    cb_string(cb_get(parameters, "network"), &network);
    int amex = cb_same(network.at, network.length, "amex"), count = amex ? 15 : 16;
    if (!draw(call, number, DIGITS)) { cb_refuse("there are too few random numbers"); return; }
    if (amex) { number[0] = '3'; number[1] = number[1] < '5' ? '4' : '7'; }
    else if (cb_same(network.at, network.length, "mastercard")) { number[0] = '5'; number[1] = (char)('1' + (number[1] - '0') % 5); }
    else number[0] = '4';
    int sum = 0;
    for (int i = count - 2, twice = 1; i >= 0; i--, twice = !twice) {
        int digit = (number[i] - '0') * (1 + twice);
        sum += digit > 9 ? digit - 9 : digit;
    }
    number[count - 1] = (char)('0' + (10 - sum % 10) % 10);
    answer(number, count, is_true(cb_get(parameters, "groups")) ? 4 : 0);
}

/* Two letters, two check digits by ISO 7064 MOD 97-10, and random digits. */
static void iban(cb_json call, cb_json parameters) {
    char number[4 + DIGITS];
    cb_text country = {"DE", 2};
    cb_string(cb_get(parameters, "country"), &country);
    int count = cb_same(country.at, country.length, "AT") ? 16 : 18;
    if (!draw(call, number + 4, count)) { cb_refuse("there are too few random numbers"); return; }
    unsigned rest = 0;
    for (int i = 0; i < count; i++) rest = (rest * 10 + (unsigned)(number[4 + i] - '0')) % 97;
    for (int i = 0; i < 2; i++) {
        number[i] = country.at[i];
        rest = (rest * 100 + (unsigned)(country.at[i] - 'A') + 10) % 97;
    }
    unsigned check = 98 - rest * 100 % 97;
    number[2] = (char)('0' + check / 10);
    number[3] = (char)('0' + check % 10);
    answer(number, 4 + count, is_true(cb_get(parameters, "groups")) ? 4 : 0);
}

void fill(cb_json call) {
    cb_text filler;
    cb_string(cb_get(call, "filler"), &filler);
    cb_json parameters = cb_get(call, "parameters");
    if (cb_same(filler.at, filler.length, "iban")) iban(call, parameters);
    else card(call, parameters);
}
