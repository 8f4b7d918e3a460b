/* Items from the rows of a CSV table (RFC 4180): a column of ids, fields, and labels. */
#include "casebook.h"
#include "description.h"
CASEBOOK_DESCRIPTION(DESCRIPTION)
CASEBOOK_ANSWERS(import, rows)

#define MAX_COLUMNS 64

typedef struct { const char *at, *end; char separator; } reader;

/* Reads a cell; 1 when another one follows in its row. */
static int cell(reader *from, cb_text *text) {
    char *out = cb_room((cb_size)(from->end - from->at) + 1), *to = out;
    int quoted = from->at < from->end && *from->at == '"';
    if (quoted) from->at++;
    while (from->at < from->end) {
        char c = *from->at;
        if (quoted && c == '"') {
            from->at++;
            if (from->at < from->end && *from->at == '"') { *to++ = '"'; from->at++; }
            else quoted = 0;
            continue;
        }
        if (!quoted && (c == from->separator || c == '\n' || c == '\r')) break;
        *to++ = c;
        from->at++;
    }
    text->at = out;
    text->length = (cb_size)(to - out);
    /* What a cell has not needed is room for the next one. */
    cb_top = ((cb_size)to + 7) & ~7u;
    if (from->at < from->end && *from->at == from->separator) { from->at++; return 1; }
    if (from->at < from->end && *from->at == '\r') from->at++;
    if (from->at < from->end && *from->at == '\n') from->at++;
    return 0;
}

/* Whether a list of texts holds one. */
static int holds(cb_json list, cb_text name) {
    for (cb_size i = 0;; i++) {
        cb_text entry;
        cb_json json = cb_entry(list, i);
        if (!json.at) return 0;
        if (!cb_string(json, &entry) || entry.length != name.length) continue;
        cb_size same = 0;
        while (same < name.length && entry.at[same] == name.at[same]) same++;
        if (same == name.length) return 1;
    }
}

/* Whether a text is a number as JSON writes it. */
static int is_number(cb_text text) {
    const char *at = text.at, *end = text.at + text.length;
    if (at < end && *at == '-') at++;
    if (at < end && *at == '0' && at + 1 < end && at[1] >= '0' && at[1] <= '9') return 0;
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    if (at == digits) return 0;
    if (at == end) return 1;
    if (*at++ != '.') return 0;
    digits = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at == end && at > digits;
}

static int is_word(cb_text text, const char *word) { return cb_same(text.at, text.length, word); }

/* A value as the column says; what is no number is told of as the text that it is. */
static void put(cb_json parameters, cb_text column, cb_text text) {
    int number = holds(cb_get(parameters, "numbers"), column) && is_number(text);
    int flag = holds(cb_get(parameters, "booleans"), column) && (is_word(text, "true") || is_word(text, "false"));
    if (!number && !flag) { cb_put_string(text.at, text.length); return; }
    for (cb_size i = 0; i < text.length; i++) cb_byte(text.at[i]);
}

static int found;

static void member(cb_json parameters, cb_text column, cb_text text) {
    if (found++) cb_byte(',');
    cb_put_string(column.at, column.length);
    cb_byte(':');
    put(parameters, column, text);
}

void rows(cb_json call) {
    cb_json parameters = cb_get(call, "parameters"), labels = cb_get(parameters, "labels");
    cb_text table, id = {"id", 2}, separator = {",", 1}, names[MAX_COLUMNS], cells[MAX_COLUMNS];
    if (!cb_string(cb_get(call, "text"), &table)) { cb_refuse("there is no text"); return; }
    cb_string(cb_get(parameters, "id"), &id);
    cb_string(cb_get(parameters, "separator"), &separator);
    reader from = {table.at, table.at + table.length, separator.at[0]};
    /* A byte order mark is none of the first name. */
    if (table.length >= 3 && (unsigned char)table.at[0] == 0xef && (unsigned char)table.at[1] == 0xbb) from.at += 3;
    int columns = 0, id_column = -1, items = 0;
    for (int more = 1; more; columns++) {
        if (columns == MAX_COLUMNS) { cb_refuse("there are more than 64 columns"); return; }
        more = cell(&from, &names[columns]);
        cb_size same = 0;
        while (same < id.length && same < names[columns].length && names[columns].at[same] == id.at[same]) same++;
        if (same == id.length && same == names[columns].length) id_column = columns;
    }
    if (id_column < 0) { cb_refuse("no column of the first row has the name that `id` says"); return; }
    char *begin = cb_out_end;
    cb_put("\"items\":[");
    while (from.at < from.end) {
        int count = 0;
        for (int more = 1; more; count++) {
            cb_text extra;
            more = cell(&from, count < columns ? &cells[count] : &extra);
        }
        /* A line with nothing in it is no row. */
        if (count == 1 && !cells[0].length && columns > 1) continue;
        if (count != columns) {
            cb_out_end = begin;
            cb_refuse("a row has another number of cells than the first one");
            return;
        }
        cb_put(items++ ? ",{\"id\":" : "{\"id\":");
        cb_put_string(cells[id_column].at, cells[id_column].length);
        cb_put(",\"fields\":{");
        found = 0;
        for (int i = 0; i < columns; i++)
            if (i != id_column && cells[i].length && !holds(labels, names[i])) member(parameters, names[i], cells[i]);
        cb_byte('}');
        found = 0;
        for (int i = 0; i < columns; i++) {
            if (!cells[i].length || !holds(labels, names[i])) continue;
            if (!found) cb_put(",\"labels\":{");
            member(parameters, names[i], cells[i]);
        }
        if (found) cb_byte('}');
        cb_byte('}');
    }
    cb_byte(']');
}
