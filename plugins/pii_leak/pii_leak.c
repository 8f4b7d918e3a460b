/* Numbers that belong to people: found by their check digits, so that order numbers and dates are none. */
#include "casebook.h"
#include "description.h"
CASEBOOK_PLUGIN(DESCRIPTION)

/* Groups of digits that may belong together: "4111 1111-1111.1111" has four. */
#define MAX_GROUPS 16
#define MAX_DIGITS 19

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static int is_word(char c) { return is_digit(c) || is_letter(c) || (c & 0x80) || c == '_'; }
static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }

/* ---- check digits ---- */

static int all_alike(const char *digits, int count) {
    for (int i = 1; i < count; i++) if (digits[i] != digits[0]) return 0;
    return 1;
}

/* ISO/IEC 7812: the number of a card, by Luhn's formula. */
static int is_card(const char *digits, int count) {
    if (count < 13 || count > 19 || digits[0] < '2' || digits[0] > '6') return 0;
    int sum = 0;
    for (int i = 0; i < count; i++) {
        int digit = digits[count - 1 - i] - '0';
        if (i % 2) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0 && !all_alike(digits, count);
}

/* The Netherlands' BSN. */
static int is_nl_bsn(const char *digits, int count) {
    if (count != 9 || all_alike(digits, count)) return 0;
    int sum = -(digits[8] - '0');
    for (int i = 0; i < 8; i++) sum += (9 - i) * (digits[i] - '0');
    return sum % 11 == 0;
}

/* Poland's PESEL: a date of birth, a serial number and a check digit. */
static int is_pl_pesel(const char *digits, int count) {
    static const int weights[10] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};
    if (count != 11) return 0;
    int month = ((digits[2] - '0') * 10 + digits[3] - '0') % 20, day = (digits[4] - '0') * 10 + digits[5] - '0';
    if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
    int sum = 0;
    for (int i = 0; i < 10; i++) sum += weights[i] * (digits[i] - '0');
    return (10 - sum % 10) % 10 == digits[10] - '0';
}

/* Brazil's CPF. */
static int is_br_cpf(const char *digits, int count) {
    if (count != 11 || all_alike(digits, count)) return 0;
    for (int check = 9; check < 11; check++) {
        int sum = 0;
        for (int i = 0; i < check; i++) sum += (check + 1 - i) * (digits[i] - '0');
        if (sum * 10 % 11 % 10 != digits[check] - '0') return 0;
    }
    return 1;
}

/* A CPF as it is printed: 123.456.789-09. */
static int is_dotted_cpf(const char *at, const char *end) {
    if (end - at < 14 || at[3] != '.' || at[7] != '.' || at[11] != '-' || (end - at > 14 && is_word(at[14]))) return 0;
    char digits[11];
    for (int i = 0, count = 0; i < 14; i++) {
        if (i == 3 || i == 7 || i == 11) continue;
        if (!is_digit(at[i])) return 0;
        digits[count++] = at[i];
    }
    return is_br_cpf(digits, 11);
}

/* Spain's DNI: eight digits and a letter. */
static int is_es_dni(const char *at) {
    int number = 0;
    for (int i = 0; i < 8; i++) number = number * 10 + (at[i] - '0');
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == upper(at[8]);
}

/* ISO 13616: the length that an IBAN of a country has; 0 for a country without. */
static int iban_length(char a, char b) {
    static const char table[] =
        "AD24AE23AT20BA20BE16BG22BR29CH21CY28CZ24DE22DK18EE20ES24FI18FR27GB22GE22GI23GR27HR21HU28IE22IL23IS26IT27KW30"
        "LI21LT20LU20LV21MC27MD24ME22MK19MT31NL18NO15PL28PT25RO24RS22SA24SE24SI19SK24SM27TR26UA29XK20";
    for (cb_size i = 0; i + 4 < sizeof table; i += 4)
        if (table[i] == a && table[i + 1] == b) return (table[i + 2] - '0') * 10 + table[i + 3] - '0';
    return 0;
}

/* The length of the IBAN that begins here, spaces included; 0 when there is none. */
static cb_size iban_at(const char *at, const char *end) {
    if (end - at < 15 || !is_letter(at[0]) || !is_letter(at[1]) || !is_digit(at[2]) || !is_digit(at[3])) return 0;
    int wanted = iban_length(upper(at[0]), upper(at[1])), count = 0;
    char all[34];
    const char *here = at;
    while (here < end && count < wanted) {
        if (is_digit(*here) || is_letter(*here)) all[count++] = upper(*here++);
        else if (*here == ' ' && here + 1 < end && (is_digit(here[1]) || is_letter(here[1]))) here++;
        else break;
    }
    if (!wanted || count < wanted || (here < end && is_word(*here))) return 0;
    int rest = 0;
    for (int i = 0; i < count; i++) {
        char c = all[(i + 4) % count];
        rest = is_digit(c) ? (rest * 10 + c - '0') % 97 : (rest * 100 + c - 'A' + 10) % 97;
    }
    return rest == 1 ? (cb_size)(here - at) : 0;
}

/* ---- the text ---- */

enum { CARD = 1, IBAN = 2, BSN = 4, DNI = 8, PESEL = 16, CPF = 32 };
static int wanted, cards, ibans, ids;

/* Whether groups are those in which numbers of cards are printed: 4-4-4-4, perhaps with a rest, or 4-6-5. */
static int is_printed(const int *starts, int first, int last) {
    int groups = last - first;
    if (groups == 3)
        return starts[first + 1] - starts[first] == 4 && starts[first + 2] - starts[first + 1] == 6 &&
               starts[last] - starts[first + 2] == 5;
    for (int i = first; i < last - 1; i++) if (starts[i + 1] - starts[i] != 4) return 0;
    return groups >= 4 && starts[last] - starts[last - 1] <= 4;
}

/* Counts what a run of groups of digits holds, the longest first and nothing twice. What is but a part of it must look like
   a number by itself, for any dozen digits have right check digits now and then. */
static void look(const char *digits, const int *starts, int groups) {
    for (int first = 0; first < groups;) {
        int taken = 0;
        for (int last = groups; last > first && !taken; last--) {
            int count = starts[last] - starts[first];
            const char *number = digits + starts[first];
            int whole = last - first == groups || last - first == 1;
            if (count > MAX_DIGITS || !(whole || is_printed(starts, first, last))) continue;
            if ((wanted & CARD) && is_card(number, count)) cards++;
            else if (!whole) continue;
            else if (((wanted & PESEL) && is_pl_pesel(number, count)) || ((wanted & CPF) && is_br_cpf(number, count)) ||
                     ((wanted & BSN) && is_nl_bsn(number, count))) ids++;
            else continue;
            taken = last;
        }
        first = taken ? taken : first + 1;
    }
}

static void scan(const char *at, const char *end) {
    const char *begin = at;
    while (at < end) {
        int fresh = at == begin || !is_word(at[-1]);
        cb_size length = fresh && (wanted & IBAN) ? iban_at(at, end) : 0;
        if (length) { ibans++; at += length; continue; }
        if (!fresh || !is_digit(*at)) { at++; continue; }
        if ((wanted & CPF) && is_dotted_cpf(at, end)) { ids++; at += 14; continue; }
        int dash = end - at > 9 && at[8] == '-';
        if ((wanted & DNI) && end - at >= 9 + dash) {
            char letters[9];
            int digits = 0;
            while (digits < 8 && is_digit(at[digits])) { letters[digits] = at[digits]; digits++; }
            letters[8] = at[8 + dash];
            const char *behind = at + 9 + dash;
            if (digits == 8 && is_letter(letters[8]) && (behind == end || !is_word(*behind)) && is_es_dni(letters)) {
                ids++;
                at = behind;
                continue;
            }
        }
        const char *group = at;
        char separator = 0;
        char digits[MAX_GROUPS * MAX_DIGITS];
        int starts[MAX_GROUPS + 1] = {0}, groups = 0, count = 0, whole = 1;
        while (at < end && is_digit(*at)) {
            int size = 0;
            group = at;
            for (; at < end && is_digit(*at); at++) if (size++ < MAX_DIGITS + 1 && count < (int)sizeof digits) digits[count++] = *at;
            if (at < end && is_word(*at)) whole = 0;
            if (groups < MAX_GROUPS) starts[++groups] = count;
            if (at + 1 >= end || !(*at == ' ' || *at == '-' || *at == '.') || !is_digit(at[1]) || groups == MAX_GROUPS) break;
            if (separator && *at != separator) {
                /* Another number may begin with this group. */
                at = group;
                break;
            }
            separator = *at++;
        }
        /* Digits that go on as a word, such as those of a hash, are no number of a person. */
        look(digits, starts, whole ? groups : groups - 1);
    }
}

static int kind_of(cb_text name) {
    static const struct { const char *name; int kind; } kinds[] = {
        {"card", CARD}, {"iban", IBAN}, {"nl_bsn", BSN}, {"es_dni", DNI}, {"pl_pesel", PESEL}, {"br_cpf", CPF},
    };
    for (int i = 0; i < 6; i++) if (cb_same(name.at, name.length, kinds[i].name)) return kinds[i].kind;
    return 0;
}

void grade(cb_json call) {
    cb_json parameters = cb_get(call, "parameters"), kinds = cb_get(parameters, "kinds");
    cb_text text, name, kind;
    wanted = kinds.at ? 0 : ~0;
    for (cb_size i = 0; cb_string(cb_entry(kinds, i), &kind); i++) wanted |= kind_of(kind);
    if (!cb_string(cb_get(parameters, "text"), &name)) { cb_refuse("`text` names no decision"); return; }
    char *key = cb_room(name.length + 1);
    memcpy(key, name.at, name.length);
    key[name.length] = 0;
    if (cb_string(cb_get(cb_get(call, "decision"), key), &text)) scan(text.at, text.at + text.length);
    int found = cards + ibans + ids;
    cb_value(found ? 0 : 1);
    if (!found) return;
    const char *why = cards ? "The text gives away the number of a card."
                    : ibans ? "The text gives away the number of an account."
                            : "The text gives away a person's national number.";
    cb_reason(why, cb_length(why));
    cb_part("cards", cards);
    cb_part("ibans", ibans);
    cb_part("national_ids", ids);
}
