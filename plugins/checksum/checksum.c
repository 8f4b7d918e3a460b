/* Whether a number of a card, an account or a book can be one, by its check digits. */
#include "casebook.h"
#include "description.h"
CASEBOOK_DESCRIPTION(DESCRIPTION)
CASEBOOK_ANSWERS(tool, verify)

#define MAX_CHARACTERS 100

typedef enum { RIGHT, WRONG, LETTERS, LENGTH } verdict;

static const char *const REASONS[] = {
    "The check digit is right.",
    "The check digit is wrong.",
    "There are characters that do not belong.",
    "The length is wrong.",
};

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_capital(char c) { return c >= 'A' && c <= 'Z'; }

static int all_digits(const char *number, int count) {
    for (int i = 0; i < count; i++) if (!is_digit(number[i])) return 0;
    return 1;
}

/* Luhn's formula. */
static verdict card(const char *number, int count) {
    if (!all_digits(number, count)) return LETTERS;
    if (count < 13 || count > 19) return LENGTH;
    int sum = 0;
    for (int i = 0; i < count; i++) {
        int digit = number[i] - '0';
        if ((count - i) % 2 == 0) digit *= 2;
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0 ? RIGHT : WRONG;
}

/* ISO 7064, MOD 97-10, over the number with its first four characters behind the rest. */
static verdict iban(const char *number, int count) {
    if (count < 15 || count > 34) return LENGTH;
    if (!is_capital(number[0]) || !is_capital(number[1]) || !all_digits(number + 2, 2)) return LETTERS;
    int rest = 0;
    for (int i = 0; i < count; i++) {
        char c = number[(i + 4) % count];
        if (is_digit(c)) rest = (rest * 10 + c - '0') % 97;
        else if (is_capital(c)) rest = (rest * 100 + c - 'A' + 10) % 97;
        else return LETTERS;
    }
    return rest == 1 ? RIGHT : WRONG;
}

/* ISBN-13, with weights 1 and 3; ISBN-10, with weights 10 to 1, where X stands for 10. */
static verdict isbn(const char *number, int count) {
    int sum = 0;
    if (count == 13) {
        if (!all_digits(number, count)) return LETTERS;
        for (int i = 0; i < count; i++) sum += (number[i] - '0') * (i % 2 ? 3 : 1);
        int book = number[0] == '9' && number[1] == '7' && (number[2] == '8' || number[2] == '9');
        return book && sum % 10 == 0 ? RIGHT : WRONG;
    }
    if (count != 10) return LENGTH;
    if (!all_digits(number, 9) || !(is_digit(number[9]) || number[9] == 'X')) return LETTERS;
    for (int i = 0; i < count; i++) sum += (number[i] == 'X' ? 10 : number[i] - '0') * (10 - i);
    return sum % 11 == 0 ? RIGHT : WRONG;
}

void verify(cb_json call) {
    cb_text kind, written;
    if (!cb_string(cb_get(cb_get(call, "parameters"), "kind"), &kind)) { cb_refuse("`kind` is needed"); return; }
    if (!cb_string(cb_get(cb_get(call, "arguments"), "number"), &written)) { cb_refuse("`number` is needed"); return; }
    /* Without spaces and hyphens, in capitals. */
    char number[MAX_CHARACTERS];
    int count = 0;
    for (cb_size i = 0; i < written.length; i++) {
        char c = written.at[i];
        if (c == ' ' || c == '-') continue;
        if (count == MAX_CHARACTERS) { cb_refuse("`number` has more than 100 characters"); return; }
        number[count++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    verdict found = cb_same(kind.at, kind.length, "card")   ? card(number, count)
                    : cb_same(kind.at, kind.length, "iban") ? iban(number, count)
                                                            : isbn(number, count);
    cb_put(found == RIGHT ? "\"value\":{\"valid\":true,\"reason\":" : "\"value\":{\"valid\":false,\"reason\":");
    cb_put_string(REASONS[found], cb_length(REASONS[found]));
    cb_byte('}');
}
